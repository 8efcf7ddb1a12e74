/** Exit codes of the command line, as docs/command-line.md lists them. */
export const exitCodes = {
  done: 0,
  gateFailed: 1,
  usage: 2,
  unreadable: 3,
  internal: 4,
  timedOut: 124,
  cancelled: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends the program: one sentence on stderr and an exit code. */
export class CommandError extends Error {
  constructor(
    readonly exitCode: ExitCode,
    message: string,
  ) {
    super(message);
    this.name = 'CommandError';
  }
}

/** A wrong command line or configuration (exit code 2). */
export function usageError(message: string): CommandError {
  return new CommandError(exitCodes.usage, message);
}
