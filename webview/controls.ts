import { element } from './dom.js';

/** A row of exclusive choices; arrow keys move between them. */
export interface Choice<Key extends string> {
  key: Key;
  text: string;
  tip?: string;
}

/** A segmented switch. `choose` is called with every new choice; `set` changes it from outside without a call. */
export class Segmented<Key extends string> {
  readonly element: HTMLElement;
  private readonly buttons = new Map<Key, HTMLButtonElement>();

  constructor(name: string, choices: readonly Choice<Key>[], current: Key | null, private readonly choose: (key: Key) => void) {
    this.element = element('span', { class: 'segmented', role: 'radiogroup', 'aria-label': name });
    for (const choice of choices) {
      const made = element('button', { type: 'button', role: 'radio', title: choice.tip ?? null }, choice.text);
      made.addEventListener('click', () => {
        this.set(choice.key);
        this.choose(choice.key);
      });
      this.buttons.set(choice.key, made);
      this.element.append(made);
    }
    this.element.addEventListener('keydown', (event) => this.onKey(event));
    this.set(current);
  }

  set(current: Key | null): void {
    let first = true;
    for (const [key, made] of this.buttons) {
      made.setAttribute('aria-checked', String(key === current));
      made.tabIndex = key === current || (current === null && first) ? 0 : -1;
      first = false;
    }
  }

  private onKey(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    const all = [...this.buttons.values()];
    const at = all.findIndex((made) => made === document.activeElement);
    const next = all[(at + step + all.length) % all.length];
    next.focus();
    next.click();
    event.preventDefault();
    event.stopPropagation();
  }
}
