/** Why a run was stopped from outside. */
export type StopReason = 'cancelled' | 'timeout';

/** Turns Ctrl+C, a polite kill and `--timeout` into one abort signal. */
export class Stop {
  private readonly controller = new AbortController();
  private readonly timer: NodeJS.Timeout | null;
  private readonly onSignal = (): void => this.controller.abort('cancelled' satisfies StopReason);

  /** @param timeoutSeconds counted from the start of the process; null: none */
  constructor(timeoutSeconds: number | null) {
    // Once each: a second Ctrl+C ends the process the system's way.
    process.once('SIGINT', this.onSignal);
    process.once('SIGTERM', this.onSignal);
    const left = timeoutSeconds === null ? null : Math.max(0, timeoutSeconds * 1000 - process.uptime() * 1000);
    this.timer = left === null ? null : startTimer(left, () => this.controller.abort('timeout' satisfies StopReason));
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get reason(): StopReason | null {
    return this.signal.aborted ? (this.signal.reason as StopReason) : null;
  }

  dispose(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    process.removeListener('SIGINT', this.onSignal);
    process.removeListener('SIGTERM', this.onSignal);
  }
}

/** `setTimeout` counts to 2³¹ − 1 ms and fires at once beyond; a longer time is as good as none. */
function startTimer(milliseconds: number, callback: () => void): NodeJS.Timeout | null {
  return milliseconds > 2 ** 31 - 1 ? null : setTimeout(callback, milliseconds);
}
