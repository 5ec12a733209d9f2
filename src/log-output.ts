import { fstatSync, write as fsWrite } from 'node:fs';

/** At most this much goes to the system at once. */
const CHUNK_BYTES = 64 * 1024;
/** Lines that a stuck reader of the log leaves in memory; more are dropped. */
const PENDING_MAX_BYTES = 16 * 1024 * 1024;
/** A reader that is behind, and a disk that is full: when to try again. */
const BUSY_MS = 100;
const FAILED_MS = 1000;

export interface LogOutputParts {
  maxBytes?: number;
  /** As `fs.write`. */
  write?(fd: number, bytes: Buffer, done: (error: NodeJS.ErrnoException | null, written: number) => void): void;
  after?(ms: number, then: () => void): void;
}

/**
 * Where the log goes: a file descriptor that may be a full disk, a pipe that nobody reads, or one whose reader is gone. Nothing of
 * that stops or delays the service: lines wait up to a bound, then they are dropped and counted, and a line tells how many as
 * soon as one can be written again. (pino's own destination throws on a full disk, at the end of the process too, and waits for
 * a stuck reader for ever.)
 */
export class LogOutput {
  #lines: Buffer[] = [];
  #bytes = 0;
  /** What is being written; the rest of it where the system took a part. */
  #chunk: Buffer | undefined;
  #held = false;
  #closed = false;
  #lost = 0;
  /** Of those, which no line has told yet. */
  #untold = 0;
  readonly #idle: (() => void)[] = [];
  readonly #parts: Required<LogOutputParts>;

  constructor(
    private readonly fd: number,
    parts: LogOutputParts = {},
  ) {
    const after = (ms: number, then: () => void): void => void setTimeout(then, ms).unref();
    this.#parts = { maxBytes: PENDING_MAX_BYTES, write: fsWrite, after, ...parts };
  }

  /** Lines since the start that were not written. */
  get lost(): number {
    return this.#lost;
  }

  write(line: string): void {
    const bytes = Buffer.from(line, 'utf8');
    if (this.#closed || this.#bytes + bytes.length > this.#parts.maxBytes) {
      this.#drop(1);
      return;
    }
    this.#lines.push(bytes);
    this.#bytes += bytes.length;
    if (!this.#chunk) this.#next();
  }

  /** Whether the system holds up a write at this moment. */
  get held(): boolean {
    return this.#held;
  }

  /** Waits until all is written, `ms` at most. */
  async flush(ms: number): Promise<void> {
    if (!this.#chunk) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #next(): void {
    if (this.#untold > 0) {
      const told = { level: 40, time: Date.now(), lost: this.#untold, msg: 'lines of the log could not be written' };
      this.#lines.unshift(Buffer.from(`${JSON.stringify(told)}\n`));
      this.#bytes += this.#lines[0]!.length;
      this.#untold = 0;
    }
    let count = 0;
    for (let bytes = 0; count < this.#lines.length && bytes < CHUNK_BYTES; count++) bytes += this.#lines[count]!.length;
    if (count === 0) {
      for (const resolve of this.#idle.splice(0)) resolve();
      return;
    }
    this.#chunk = Buffer.concat(this.#lines.splice(0, count));
    this.#bytes -= this.#chunk.length;
    this.#send();
  }

  #send(): void {
    this.#held = true;
    this.#parts.write(this.fd, this.#chunk!, (error, written) => {
      this.#held = false;
      if (error) return this.#failed(error);
      const rest = this.#chunk!.subarray(written);
      this.#chunk = rest.length > 0 ? rest : undefined;
      if (this.#chunk) this.#send();
      else this.#next();
    });
  }

  #failed({ code }: NodeJS.ErrnoException): void {
    if (code === 'EPIPE' || code === 'EBADF') {
      // Whoever read it is gone, and doesn't come back.
      this.#closed = true;
      this.#drop(this.#lines.length + countLines(this.#chunk!));
      this.#lines = [];
      this.#bytes = 0;
      this.#chunk = undefined;
      for (const resolve of this.#idle.splice(0)) resolve();
      return;
    }
    this.#parts.after(code === 'EAGAIN' || code === 'EINTR' ? BUSY_MS : FAILED_MS, () => this.#send());
  }

  #drop(lines: number): void {
    this.#lost += lines;
    this.#untold += lines;
  }
}

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(LINE_END); at >= 0; at = bytes.indexOf(LINE_END, at + 1)) lines++;
  return lines;
}

const LINE_END = 0x0a;

/** The log on standard output. A pipe must not block: the thread that writes to it would hold up the end of the process. */
export function standardOutput(): LogOutput {
  try {
    const stats = fstatSync(1);
    // Node.js makes a pipe non-blocking as soon as it is asked for the stream.
    if (stats.isFIFO() || stats.isSocket()) process.stdout.writable;
  } catch {
    // There is none: the first line says so by failing.
  }
  return new LogOutput(1);
}
