import * as fs from 'node:fs';
import { mkdir, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { StoreDamaged, StoreUnavailable } from '../errors.js';
import { readIfThere, syncDirectory, writeDurably } from '../leveldb/files.js';
import { SEGMENT_HEADER_BYTES, segmentHeader } from './format.js';

const openFile = promisify(fs.open);
const closeFile = promisify(fs.close);
const read = promisify(fs.read);
const writev = promisify(fs.writev);
const truncate = promisify(fs.truncate);
const fdatasync = promisify(fs.fdatasync);

/** Open files that nobody holds, kept for the next reader. */
const IDLE_FILES_MAX = 128;
const LIST = 'list';

/** A test's seam: called before each step on a file, may throw in its place. */
export type FileProbe = (step: 'create' | 'list' | 'write' | 'sync' | 'remove', path: string) => void | Promise<void>;

interface OpenFile {
  fd: Promise<number>;
  holders: number;
}

/** A segment's file, open for as long as it is held. */
export interface HeldFile {
  fd: number;
  /** Once is enough. */
  release(): void;
}

/** The files in `segments/`, and how many of them are open. */
export class SegmentFiles {
  readonly #open = new Map<number, OpenFile>();

  constructor(
    readonly directory: string,
    private readonly storeId: () => string,
    private readonly probe: FileProbe | undefined,
  ) {}

  path(segment: number): string {
    return join(this.directory, `${segment.toString(16).padStart(16, '0')}.seg`);
  }

  /** Ids of the files that are there. */
  async found(): Promise<number[]> {
    const names = await readdir(this.directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    return names.filter((name) => /^[0-9a-f]{16}\.seg$/.test(name)).map((name) => Number.parseInt(name, 16));
  }

  /** Ids that the list names: all that are in use, perhaps some that are gone. undefined: there is no list. @throws StoreDamaged */
  async listed(): Promise<number[] | undefined> {
    const path = join(this.directory, LIST);
    const text = await readIfThere(path);
    if (text === undefined) return undefined;
    if (!/^([0-9a-f]{16}\n)*end\n$/.test(text)) throw new StoreDamaged(`${path} is damaged`);
    return text
      .split('\n')
      .slice(0, -2)
      .map((line) => Number.parseInt(line, 16));
  }

  async size(segment: number): Promise<number | undefined> {
    return stat(this.path(segment)).then(
      ({ size }) => size,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      },
    );
  }

  /** Makes the file, durable with its entry and the list, and holds it. */
  async create(segment: number, others: number[]): Promise<HeldFile> {
    await mkdir(this.directory, { mode: 0o700 }).then(
      () => syncDirectory(join(this.directory, '..')),
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      },
    );
    await this.probe?.('create', this.path(segment));
    const fd = await openFile(this.path(segment), 'wx+', 0o600);
    try {
      await this.write(segment, fd, [segmentHeader(segment, this.storeId())], 0);
      await this.sync(segment, fd);
      await this.probe?.('list', this.path(segment));
      const lines = [...others, segment].map((id) => `${id.toString(16).padStart(16, '0')}\n`);
      // Syncs the directory: the new file's entry goes with it.
      await writeDurably(join(this.directory, LIST), `${lines.join('')}end\n`);
    } catch (error) {
      await closeFile(fd);
      await unlink(this.path(segment)).catch(() => {});
      throw error;
    }
    const file = { fd: Promise.resolve(fd), holders: 0 };
    this.#open.set(segment, file);
    return this.#held(segment, file, fd);
  }

  /** @throws StoreDamaged naming the file where it isn't there or is another segment's */
  async hold(segment: number): Promise<HeldFile> {
    let file = this.#open.get(segment);
    if (!file) {
      file = { fd: this.#openAndCheck(segment), holders: 0 };
      this.#open.set(segment, file);
    }
    file.holders++;
    let fd: number;
    try {
      fd = await file.fd;
    } catch (error) {
      if (this.#open.get(segment) === file) this.#open.delete(segment);
      throw error;
    }
    file.holders--;
    return this.#held(segment, file, fd);
  }

  /** @throws the system's error; what was written until then stays */
  async write(segment: number, fd: number, buffers: Buffer[], offset: number): Promise<void> {
    await this.probe?.('write', this.path(segment));
    let rest = buffers.filter(({ length }) => length > 0);
    for (let at = offset; rest.length > 0; ) {
      let { bytesWritten } = await writev(fd, rest, at);
      at += bytesWritten;
      const left: Buffer[] = [];
      for (const buffer of rest) {
        const done = Math.min(bytesWritten, buffer.length);
        bytesWritten -= done;
        if (done < buffer.length) left.push(buffer.subarray(done));
      }
      rest = left;
    }
  }

  /** What was written before is on the disk when it resolves. */
  async sync(segment: number, fd: number): Promise<void> {
    await this.probe?.('sync', this.path(segment));
    await fdatasync(fd);
  }

  /** What lies behind `end` is cut off. */
  async cut(segment: number, end: number): Promise<void> {
    await truncate(this.path(segment), end);
  }

  /** Whoever holds it may go on reading. */
  async remove(segment: number): Promise<void> {
    await this.probe?.('remove', this.path(segment));
    await unlink(this.path(segment)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    const file = this.#open.get(segment);
    if (file?.holders === 0) this.#close(segment, file);
  }

  /** Files that are held close when they are released. */
  closeIdle(keep = 0): void {
    if (this.#open.size <= keep) return;
    const idle = [...this.#open].filter(([, { holders }]) => holders === 0);
    for (const [segment, file] of idle.slice(0, Math.max(0, idle.length - keep))) this.#close(segment, file);
  }

  #held(segment: number, file: OpenFile, fd: number): HeldFile {
    file.holders++;
    // The last one used is the last to go.
    this.#open.delete(segment);
    this.#open.set(segment, file);
    let released = false;
    return {
      fd,
      release: () => {
        if (released) return;
        released = true;
        file.holders--;
        if (file.holders === 0) this.closeIdle(IDLE_FILES_MAX);
      },
    };
  }

  #close(segment: number, file: OpenFile): void {
    if (this.#open.get(segment) === file) this.#open.delete(segment);
    file.fd.then(closeFile).catch(() => {});
  }

  async #openAndCheck(segment: number): Promise<number> {
    const path = this.path(segment);
    const fd = await openFile(path, 'r+').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') throw new StoreDamaged(`${path} is missing`);
      throw new StoreUnavailable(`${path}: ${error.message}`);
    });
    try {
      const header = await readFully(fd, 0, SEGMENT_HEADER_BYTES, path);
      if (!header.equals(segmentHeader(segment, this.storeId())))
        throw new StoreDamaged(`${path} has a damaged header`);
      return fd;
    } catch (error) {
      await closeFile(fd);
      throw error;
    }
  }
}

/** @throws StoreDamaged where the file ends before, StoreUnavailable where it can't be read */
export async function readFully(fd: number, offset: number, length: number, path: string): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  for (let filled = 0; filled < length; ) {
    const { bytesRead } = await read(fd, buffer, filled, length - filled, offset + filled).catch((error: Error) => {
      throw new StoreUnavailable(`${path}: ${error.message}`);
    });
    if (bytesRead === 0) throw new StoreDamaged(`${path} ends at byte ${offset + filled}`);
    filled += bytesRead;
  }
  return buffer;
}
