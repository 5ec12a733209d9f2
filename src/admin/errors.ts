/** The arguments of a command are wrong: status 2 of the process, 400 over HTTP. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** A command can't do what it was asked to, for a reason that one line tells. */
export class CommandError extends Error {
  override name = 'CommandError';
  constructor(
    /** Stable, for programs: `NoSuchKey`. */
    readonly code: string,
    message: string,
    /** Of HTTP, where the command runs in a server. */
    readonly status = 400,
  ) {
    super(message);
  }
}
