import { statfs } from 'node:fs/promises';
import { StoreReadOnly } from '../errors.js';
import type { DiskReserve } from './disk-reserve.js';

const CHECK_EVERY_MS = 1000;

export interface FreeSpaceOptions {
  directory: string;
  /** Below so many free bytes the store is read-only. */
  floorBytes: number;
  reserve: DiskReserve;
  nowMs(): number;
  /** One line when the store becomes read-only, and when it no longer is. */
  onChange(message: string): void;
  /** In bytes; injected by tests. */
  measure?: ((directory: string) => Promise<number>) | undefined;
}

/**
 * Keeps room to delete, compact and recover: a LevelDB that hits a full disk can do none of these. Below the floor the store is
 * read-only: what takes room is refused, reads and deletions go on. Where others fill the disk all the same, the reserve is given
 * up for the next deletion or recovery, and made again before anything else is written.
 */
export class FreeSpace {
  #freeBytes = Number.POSITIVE_INFINITY;
  #checkedAtMs = Number.NEGATIVE_INFINITY;
  #checking: Promise<void> | undefined;
  #readOnly: string | undefined;

  constructor(private readonly options: FreeSpaceOptions) {}

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** Why writes that take room are refused; undefined: they aren't. Works on the last measurement, a second old at most when asked often. */
  get readOnly(): string | undefined {
    if (this.#isOld) void this.refresh();
    return this.#readOnly;
  }

  /** @throws StoreReadOnly below the floor */
  require(): void {
    const { readOnly } = this;
    if (readOnly !== undefined) throw new StoreReadOnly(readOnly);
  }

  refresh(): Promise<void> {
    this.#checkedAtMs = this.options.nowMs();
    this.#checking ??= this.#refresh().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  /**
   * Before anything is written: others may have filled the disk since the last measurement, which of an idle store is old.
   * `undefined`: nothing is to be waited for.
   */
  measured(): Promise<void> | undefined {
    return this.#checking ?? (this.#isOld ? this.refresh() : undefined);
  }

  /**
   * Before anything that makes room in the end is written: gives up the reserve where it is needed for that, and not before, since
   * whoever fills the disk takes it too. `undefined`: nothing is to be waited for.
   */
  makeRoom(): Promise<void> | undefined {
    if (!this.options.reserve.isThere) return undefined;
    const measuring = this.measured();
    return measuring ? measuring.then(() => this.#releaseIfShort()) : this.#releaseIfShort();
  }

  #releaseIfShort(): Promise<void> | undefined {
    const { reserve } = this.options;
    return reserve.isThere && this.#freeBytes < reserve.bytes ? this.#release() : undefined;
  }

  async #release(): Promise<void> {
    await this.options.reserve.release();
    await this.refresh();
  }

  /** A write found no room, whatever was measured: what recovery needs is given to it. */
  async full(): Promise<void> {
    await this.options.reserve.release();
    this.#freeBytes = 0;
    this.#decide();
    await this.refresh();
  }

  async close(): Promise<void> {
    await this.options.reserve.close();
  }

  async #refresh(): Promise<void> {
    const { directory, measure = availableBytes } = this.options;
    try {
      this.#freeBytes = await measure(directory);
      this.#decide();
    } catch {
      // What can't be measured doesn't refuse: the write itself will show it.
    }
  }

  #decide(): void {
    const { directory, floorBytes, reserve, onChange } = this.options;
    const needed = floorBytes + (reserve.isThere ? 0 : reserve.bytes);
    const before = this.#readOnly;
    this.#readOnly =
      this.#freeBytes < needed ? `${this.#freeBytes} bytes free in ${directory}, writes need ${needed}` : undefined;
    if (this.#readOnly === undefined) void reserve.fill();
    if (before === undefined && this.#readOnly) onChange(`the store is read-only: ${this.#readOnly}`);
    if (before !== undefined && !this.#readOnly) onChange('the store is no longer read-only: there is room again');
  }

  get #isOld(): boolean {
    return this.options.nowMs() - this.#checkedAtMs >= CHECK_EVERY_MS;
  }
}

export const isNoSpace = (message: string): boolean => /ENOSPC|EDQUOT|No space left|quota exceeded/i.test(message);

async function availableBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}
