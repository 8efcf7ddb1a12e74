/** The terminal shows a new state at most this often. */
const refreshMilliseconds = 80;
/** Terminals that do not tell their width are taken for the classic one. */
const usualColumns = 80;

/** One line on stderr that is written over and, at the end, removed; silent where stderr is no terminal. */
export class ProgressLine {
  private last = 0;
  private shown = false;

  constructor(private readonly enabled: boolean) {}

  show(text: string): void {
    const now = performance.now();
    if (!this.enabled || (this.shown && now - this.last < refreshMilliseconds)) return;
    this.last = now;
    this.shown = true;
    process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns || usualColumns) - 1)}`);
  }

  clear(): void {
    if (this.shown) process.stderr.write('\r\x1b[K');
    this.shown = false;
  }
}
