import { element } from './dom.js';

/** A small menu under a button. Arrows move, Enter chooses, Esc closes and gives the focus back. */
export interface MenuItem {
  text: string;
  action: () => void;
}

let open: { list: HTMLElement; owner: HTMLElement } | null = null;

/** Opens a menu below `owner`; an open one is closed first. The same button closes its own menu. */
export function toggleMenu(owner: HTMLElement, items: readonly MenuItem[]): void {
  const wasOwn = open?.owner === owner;
  closeMenu();
  if (wasOwn) return;
  const list = element('div', { class: 'menu', role: 'menu' });
  for (const item of items) {
    const entry = element('button', { type: 'button', role: 'menuitem', tabindex: -1 }, item.text);
    entry.addEventListener('click', () => {
      closeMenu();
      owner.focus();
      item.action();
    });
    list.append(entry);
  }
  list.addEventListener('keydown', (event) => moveInMenu(event, list));
  list.addEventListener('focusout', (event) => {
    if (!(event.relatedTarget instanceof Node) || !list.contains(event.relatedTarget)) window.setTimeout(() => closeIf(list));
  });
  document.body.append(list);
  const box = owner.getBoundingClientRect();
  const size = list.getBoundingClientRect();
  list.style.left = `${Math.max(4, Math.min(box.right - size.width, window.innerWidth - size.width - 4))}px`;
  list.style.top = `${box.bottom + size.height + 4 < window.innerHeight ? box.bottom + 2 : Math.max(4, box.top - size.height - 2)}px`;
  owner.setAttribute('aria-expanded', 'true');
  open = { list, owner };
  list.querySelector('button')?.focus();
}

/** Closes the open menu. Returns whether there was one. */
export function closeMenu(): boolean {
  if (open === null) return false;
  const { list, owner } = open;
  open = null;
  list.remove();
  owner.setAttribute('aria-expanded', 'false');
  return true;
}

function closeIf(list: HTMLElement): void {
  if (open?.list === list) closeMenu();
}

function moveInMenu(event: KeyboardEvent, list: HTMLElement): void {
  const entries = [...list.querySelectorAll('button')];
  const at = entries.findIndex((entry) => entry === document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: entries.length - 1 }[event.key];
  if (to !== undefined) entries[(to + entries.length) % entries.length].focus();
  else if (event.key === 'Escape' || event.key === 'Tab') {
    const owner = open?.owner;
    closeMenu();
    owner?.focus();
  } else return;
  event.preventDefault();
  event.stopPropagation();
}
