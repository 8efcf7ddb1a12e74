/** Rows and progress reach the editor at most this often. */
const batchMilliseconds = 50;

/** Collects items and hands them over together, at most every 50 ms, the first at once. */
export class RowBatch<Item> {
  private items: Item[] = [];
  private timer: NodeJS.Timeout | null = null;
  private last = -Infinity;

  constructor(private readonly deliver: (items: Item[]) => void) {}

  add(item: Item): void {
    this.items.push(item);
    const wait = batchMilliseconds - (performance.now() - this.last);
    if (wait <= 0) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), wait);
  }

  /** Hands over what is there; also to be called at the end, since a timer may still be waiting. */
  flush(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (this.items.length === 0) return;
    const items = this.items;
    this.items = [];
    this.last = performance.now();
    this.deliver(items);
  }
}
