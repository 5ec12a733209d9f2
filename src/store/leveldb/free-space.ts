import { statfs } from 'node:fs/promises';
import { StoreUnavailable } from '../errors.js';

const CHECK_EVERY_MS = 1000;

/** Refuses writes while there is room to delete, compact and recover: a LevelDB that hits a full disk can do none of these. */
export class FreeSpace {
  #freeBytes = Number.POSITIVE_INFINITY;
  #checkedAtMs = Number.NEGATIVE_INFINITY;
  #checking: Promise<void> | undefined;

  constructor(
    private readonly directory: string,
    private readonly floorBytes: number,
    private readonly nowMs: () => number,
    /** In bytes; injected by tests. */
    private readonly measure: (directory: string) => Promise<number> = availableBytes,
  ) {}

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** @throws StoreUnavailable below the floor. Works on the last measurement, a second old at most under load. */
  require(): void {
    if (this.#freeBytes < this.floorBytes) {
      // While refusing nothing else renews the measurement.
      this.#refreshIfOld();
      throw new StoreUnavailable(`${this.#freeBytes} bytes free in ${this.directory}, writes need ${this.floorBytes}`);
    }
    this.#refreshIfOld();
  }

  refresh(): Promise<void> {
    this.#checkedAtMs = this.nowMs();
    this.#checking ??= this.measure(this.directory)
      .then(
        (freeBytes) => {
          this.#freeBytes = freeBytes;
        },
        // What can't be measured doesn't refuse: the write itself will show it.
        () => {},
      )
      .finally(() => {
        this.#checking = undefined;
      });
    return this.#checking;
  }

  #refreshIfOld(): void {
    if (this.nowMs() - this.#checkedAtMs >= CHECK_EVERY_MS) void this.refresh();
  }
}

async function availableBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}
