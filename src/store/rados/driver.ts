import { StoreDamaged } from '../errors.js';
import type { OwnedRun, Run } from '../ports.js';
import type { ObjectDriver } from '../run-objects/driver.js';
import { hex } from '../run-objects/format.js';
import { MARKER_NAME } from '../run-objects/marker.js';
import type { Completions } from './completions.js';
import { DIFFERENT, failureOf, NO_DATA, NOT_FOUND } from './failures.js';
import { inThread, type Pointer } from './library.js';

/** LIBRADOS_OPERATION_FULL_TRY: fail where the pool is full, instead of waiting until it isn't. */
const FULL_TRY = 64;
/** LIBRADOS_CMPXATTR_OP_EQ */
const EQUAL = 1;
/** Of an object: how many values its run has, in decimal digits. */
const COUNT_ATTRIBUTE = 'n';
const COUNT_MAX_BYTES = 16;
const STEPS_MAX = 64;
const NAME = /^([0-9a-f]{32})\.(0|[1-9][0-9]{0,15})$/;

/** A cluster that this process is connected to, and one of its pools. */
export interface OpenPool {
  cluster: Pointer;
  io: Pointer;
  /** For people. */
  place: string;
}

/**
 * Objects of a Ceph pool, named `<owner>.<first>`: whoever knows an owner finds his runs by asking for one after the other, since a
 * pool has no order to list by. How many values a run has is an attribute of its object, and what a deletion compares.
 */
export class RadosDriver implements ObjectDriver {
  constructor(
    private readonly completions: Completions,
    private readonly pool: OpenPool,
  ) {}

  async put(owner: Uint8Array, run: Run, pieces: Buffer[]): Promise<void> {
    const count = Buffer.from(String(run.count));
    await this.#write(nameOf(owner, run.first), 'a blob was not stored', (op) => {
      const { rados } = this.completions;
      // Copied by librados. A step each, of which there may not be thousands.
      const steps = pieces.length <= STEPS_MAX ? pieces : [Buffer.concat(pieces)];
      for (const [i, piece] of steps.entries()) {
        if (i === 0) rados.opWriteFull(op, piece, piece.length);
        else if (piece.length > 0) rados.opAppend(op, piece, piece.length);
      }
      rados.opSetxattr(op, COUNT_ATTRIBUTE, count, count.length);
    });
  }

  /** Whatever is there already stays. @returns whether nothing was */
  async create(name: string, bytes: Buffer): Promise<boolean> {
    const EXISTS = -17;
    const result = await this.#write(
      name,
      'nothing was stored',
      (op) => {
        const { rados } = this.completions;
        rados.opCreate(op, 1, null);
        rados.opWriteFull(op, bytes, bytes.length);
      },
      [EXISTS],
    );
    return result !== EXISTS;
  }

  get(owner: Uint8Array, run: Run, start: number, length: number): Promise<Buffer | undefined> {
    return this.getNamed(nameOf(owner, run.first), start, length);
  }

  async getNamed(name: string, start: number, length: number): Promise<Buffer | undefined> {
    const bytes = Buffer.allocUnsafeSlow(length);
    const { rados } = this.completions;
    const result = await this.completions.run(bytes, (completion) =>
      rados.aioRead(this.pool.io, name, completion, bytes, length, start),
    );
    if (result === NOT_FOUND) return undefined;
    if (result < 0) throw failureOf(result, 'a blob was not read', this.pool.place);
    return bytes.subarray(0, result);
  }

  async delete(owner: Uint8Array, run: Run): Promise<void> {
    const count = Buffer.from(String(run.count));
    await this.#write(
      nameOf(owner, run.first),
      'a blob was not deleted',
      (op) => {
        const { rados } = this.completions;
        rados.opCmpxattr(op, COUNT_ATTRIBUTE, EQUAL, count, count.length);
        rados.opRemove(op);
      },
      [NOT_FOUND, DIFFERENT],
    );
  }

  /** The last one first: as long as one is left, those before it are. */
  async *left(owner: Uint8Array): AsyncGenerator<Run> {
    const runs: Run[] = [];
    for (let first = 0; ; ) {
      const count = await this.#countOf(nameOf(owner, first));
      if (count === undefined) break;
      runs.push({ first, count });
      first += count;
    }
    yield* runs.reverse();
  }

  async *list(): AsyncGenerator<OwnedRun> {
    for await (const name of this.#names()) {
      const [, owner, first] = NAME.exec(name) ?? [];
      if (owner === undefined) continue;
      const count = await this.#countOf(name);
      if (count !== undefined) yield { owner: Buffer.from(owner, 'hex'), run: { first: Number(first), count } };
    }
  }

  async marked(): Promise<boolean> {
    return (await this.getNamed(MARKER_NAME, 0, 1)) !== undefined;
  }

  async close(): Promise<void> {
    const { rados } = this.completions;
    rados.ioctxDestroy(this.pool.io);
    // The process must not end before: librados' threads would meet what is gone.
    await inThread(rados.shutdown, this.pool.cluster);
  }

  /** Undefined: there is no such object. */
  async #countOf(name: string): Promise<number | undefined> {
    const bytes = Buffer.allocUnsafeSlow(COUNT_MAX_BYTES);
    const { rados } = this.completions;
    const result = await this.completions.run(bytes, (completion) =>
      rados.aioGetxattr(this.pool.io, name, completion, COUNT_ATTRIBUTE, bytes, bytes.length),
    );
    if (result === NOT_FOUND) return undefined;
    if (result < 0 && result !== NO_DATA) throw failureOf(result, 'blobs were not looked for', this.pool.place);
    const text = bytes.toString('latin1', 0, Math.max(0, result));
    if (!/^[1-9][0-9]{0,3}$/.test(text))
      throw new StoreDamaged(`the object ${name} of ${this.pool.place} is none of a run`);
    return Number(text);
  }

  async *#names(): AsyncGenerator<string> {
    const { rados } = this.completions;
    const opened: [Pointer | null] = [null];
    const failed = rados.listOpen(this.pool.io, opened) as number;
    if (failed < 0) throw failureOf(failed, 'blobs were not listed', this.pool.place);
    try {
      for (;;) {
        const entry: [string | null] = [null];
        const result = await inThread(rados.listNext, opened[0], entry, [null], [null]);
        if (result === NOT_FOUND) return;
        if (result < 0) throw failureOf(result, 'blobs were not listed', this.pool.place);
        if (entry[0] !== null) yield entry[0];
      }
    } finally {
      rados.listClose(opened[0]);
    }
  }

  /** One operation of several steps, all or nothing. @param expected results that are no failures */
  async #write(name: string, failed: string, fill: (op: Pointer) => void, expected: number[] = []): Promise<number> {
    const { rados } = this.completions;
    const op = rados.createWriteOp() as Pointer;
    try {
      fill(op);
      const result = await this.completions.run(op, (completion) =>
        rados.aioOperate(op, this.pool.io, completion, name, null, FULL_TRY),
      );
      if (result < 0 && !expected.includes(result)) throw failureOf(result, failed, this.pool.place);
      return result;
    } finally {
      rados.releaseWriteOp(op);
    }
  }
}

const nameOf = (owner: Uint8Array, first: number): string => `${hex(owner)}.${first}`;
