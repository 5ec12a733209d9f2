import { StoreDamaged } from '../../base/damaged.js';
import { META_COMMIT_MAX_BYTES, META_COMMIT_MAX_OPERATIONS } from '../../base/limits.js';
import { RootSealer, rootKeyIdOf } from '../../seal/record-sealer.js';
import type { RootKey } from '../../seal/root-key.js';
import { afterPrefix, under } from '../../store/keys.js';
import type { MetaStore, Range, Row } from '../../store/ports.js';
import { CommitBuilder } from '../../store/table.js';
import type { RecordKind, Rekey } from './record-kinds.js';

const PAGE_ROWS = 200;
/** A row is checked and put, and its key counts for both. */
const COMMIT_MAX_ROWS = Math.floor(META_COMMIT_MAX_OPERATIONS / 2);
/** Leaves room: what a sealed value grows by when its JSON is written anew is not much, but isn't zero. */
const COMMIT_MAX_BYTES = META_COMMIT_MAX_BYTES / 2;

/** Seals the rows of a store under another root key, one bounded commit after the other. May be ended anywhere and begun again. */
export class Resealer {
  readonly #old: RootSealer;
  readonly #new: RootSealer;

  constructor(
    private readonly meta: MetaStore,
    private readonly from: RootKey,
    private readonly to: RootKey,
    private readonly kinds: readonly RecordKind[],
  ) {
    this.#old = new RootSealer(from);
    this.#new = new RootSealer(to);
  }

  /** Sealed rows. @throws StoreDamaged where a row is of no known kind: it would be lost */
  async count(): Promise<number> {
    await this.#requireKnownKinds();
    let rows = 0;
    for (const { prefix, type } of this.kinds) {
      if (type === undefined) continue;
      for await (const page of this.#pages(under(prefix), true)) rows += page.length;
    }
    return rows;
  }

  /** Opens every row and makes what would be written, and writes nothing. Yields how many rows were seen. @throws StoreDamaged */
  async *verify(): AsyncGenerator<number> {
    yield* this.#walk(async () => true);
  }

  /** Yields how many rows were seen, those that were done before included. @throws StoreDamaged, and as MetaStore.commit */
  async *run(): AsyncGenerator<number> {
    yield* this.#walk((rows) => this.#commit(rows));
  }

  async *#walk(write: (rows: Resealed[]) => Promise<boolean>): AsyncGenerator<number> {
    let done = 0;
    for (const kind of this.kinds) {
      if (kind.type === undefined) continue;
      const rekey = kind.rekey?.(this.from, this.to);
      let previous: Buffer | undefined;
      for await (const page of this.#pages(under(kind.prefix), false)) {
        for (let i = 0; i < page.length; ) {
          const { rows, next, last } = this.#batch(kind.type, rekey, page, i, previous);
          // Nobody else has the store: a row that changed meanwhile is no race to be lost, it's a second writer.
          if (!(await write(rows))) throw new Error('another writer changed the store during the rotation');
          done += next - i;
          previous = last;
          i = next;
          yield done;
        }
      }
    }
  }

  /** As many rows from `start` on as one commit takes. */
  #batch(type: string, rekey: Rekey | undefined, page: Row[], start: number, before: Buffer | undefined) {
    const rows: Resealed[] = [];
    let bytes = 0;
    let previous = before;
    let i = start;
    for (; i < page.length; i++) {
      const row = page[i]!;
      const isDone = rootKeyIdOf(row.value).equals(this.to.id);
      bytes += isDone ? 0 : 2 * row.key.length + row.value.length;
      if (rows.length > 0 && (rows.length === COMMIT_MAX_ROWS || bytes > COMMIT_MAX_BYTES)) break;
      const plaintext = (isDone ? this.#new : this.#old).open(type, row.key, row.value);
      const fresh = isDone || !rekey ? plaintext : rekey(plaintext, { key: row.key, previous });
      if (!isDone) rows.push({ row, value: this.#new.seal(type, row.key, fresh) });
      previous = fresh;
    }
    return { rows, next: i, last: previous };
  }

  async #commit(rows: Resealed[]): Promise<boolean> {
    if (rows.length === 0) return true;
    const commit = new CommitBuilder();
    for (const { row, value } of rows) commit.expect(row.key, row).put({ key: row.key, value });
    return this.meta.commit(commit.build());
  }

  async *#pages({ gte, lt }: Range, keysOnly: boolean): AsyncGenerator<Row[]> {
    const limit = keysOnly ? 10 * PAGE_ROWS : PAGE_ROWS;
    for (let from = gte; ; ) {
      const rows = await this.meta.range({ gte: from, lt, limit, keysOnly });
      if (rows.length > 0) yield rows;
      if (rows.length < limit) return;
      from = Buffer.concat([rows.at(-1)!.key, Buffer.of(0)]);
    }
  }

  /** Nothing may lie between the known prefixes. */
  async #requireKnownKinds(): Promise<void> {
    const prefixes = this.kinds.map(({ prefix }) => Buffer.from(prefix)).sort(Buffer.compare);
    let gte: Buffer = Buffer.of(1);
    for (const prefix of [...prefixes, undefined]) {
      const [row] = await this.meta.range({ gte, lt: prefix ?? BEHIND_ALL, limit: 1, keysOnly: true });
      if (row) {
        const start = JSON.stringify(row.key.subarray(0, 4).toString('latin1'));
        throw new StoreDamaged(`rows that start with ${start} are of a kind that this Coffer doesn't know`);
      }
      if (prefix) gte = afterPrefix(prefix);
    }
  }
}

const BEHIND_ALL = Buffer.alloc(8, 0xff);

interface Resealed {
  row: Row;
  value: Buffer;
}
