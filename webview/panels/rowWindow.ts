import { element } from '../dom.js';

/** Rows drawn beyond the visible ones, above and below. */
const overscan = 8;

/**
 * The body of a table of very many rows of one height: it is as high as all of them, but only those that the page
 * shows exist, and the active one, which may hold the focus. It scrolls with the page, below a header that sticks to the top.
 */
export class RowWindow {
  readonly element = element('div', { class: 'grid-body', role: 'rowgroup' });
  private readonly drawn = new Map<number, HTMLElement>();
  private count = 0;
  private height = 1;
  /** The row that always exists. */
  active = 0;

  /**
   * @param head the header, under which rows are hidden
   * @param fill writes a row into its element, again and again
   */
  constructor(
    private readonly head: HTMLElement,
    private readonly fill: (made: HTMLElement, index: number) => void,
  ) {}

  /** Other rows: how many and how high. The drawn ones stay until `redraw`. */
  resize(count: number, height: number): void {
    this.count = count;
    this.height = height;
    this.element.style.height = `${Math.max(1, count) * height}px`;
    this.active = Math.max(0, Math.min(this.active, count - 1));
  }

  /** Draws everything anew. */
  redraw(): void {
    for (const made of this.drawn.values()) made.remove();
    this.drawn.clear();
    this.draw();
  }

  /** Writes the rows that exist again. */
  refill(): void {
    for (const [index, made] of this.drawn) this.fill(made, index);
  }

  /** Makes exactly the visible rows exist. */
  draw(): void {
    if (this.element.clientWidth === 0) return;
    const top = this.element.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-top / this.height) - overscan);
    const last = Math.min(this.count - 1, Math.ceil((window.innerHeight - top) / this.height) + overscan);
    for (const [index, made] of this.drawn) {
      if ((index >= first && index <= last) || index === this.active) continue;
      made.remove();
      this.drawn.delete(index);
    }
    for (let index = first; index <= last; index += 1) this.ensure(index);
    this.ensure(this.active);
  }

  /** Calls `visit` for every row that exists. */
  each(visit: (made: HTMLElement, index: number) => void): void {
    for (const [index, made] of this.drawn) visit(made, index);
  }

  /** Makes a row the active one, shows it and gives it the focus. */
  focus(index: number): void {
    const before = this.drawn.get(this.active);
    if (before !== undefined) before.tabIndex = -1;
    this.show(index);
    const made = this.ensure(index);
    if (made === null) return;
    made.tabIndex = 0;
    made.focus({ preventScroll: true });
  }

  /** Makes a row the active one and scrolls it into sight. */
  show(index: number): void {
    this.active = index;
    // On another tab nothing is scrolled: that is the reader's page.
    if (this.element.clientWidth === 0) return;
    const header = this.head.getBoundingClientRect().height;
    const top = this.element.getBoundingClientRect().top + index * this.height;
    if (top < header) window.scrollBy({ top: top - header - 4 });
    else if (top + this.height > window.innerHeight) window.scrollBy({ top: top + this.height - window.innerHeight + 4 });
    this.draw();
  }

  /** Rows that fit on the page below the header. */
  get page(): number {
    return Math.max(1, Math.floor((window.innerHeight - this.head.clientHeight) / this.height) - 1);
  }

  private ensure(index: number): HTMLElement | null {
    if (index < 0 || index >= this.count) return null;
    const known = this.drawn.get(index);
    if (known !== undefined) return known;
    const made = element('div', { role: 'row', class: 'grid-row', 'aria-rowindex': index + 2, 'data-line': index });
    made.style.top = `${index * this.height}px`;
    this.drawn.set(index, made);
    this.fill(made, index);
    const after = [...this.element.children].find((other) => Number((other as HTMLElement).dataset.line) > index);
    this.element.insertBefore(made, after ?? null);
    return made;
  }
}
