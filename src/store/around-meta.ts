import type { Commit, Cursor, MetaStore, Range, RangeQuery, Row } from './ports.js';

/** A store that passes everything on to another: what stands between changes what it must. */
export class AroundMeta implements MetaStore {
  readonly shared: boolean;

  constructor(protected readonly inner: MetaStore) {
    this.shared = inner.shared;
  }

  get(key: Uint8Array): Promise<Row | undefined> {
    return this.inner.get(key);
  }

  getMany(keys: Uint8Array[]): Promise<(Row | undefined)[]> {
    return this.inner.getMany(keys);
  }

  range(query: RangeQuery): Promise<Row[]> {
    return this.inner.range(query);
  }

  cursor(range: Range & { keysOnly?: boolean }): Cursor {
    return this.inner.cursor(range);
  }

  commit(commit: Commit): Promise<boolean> {
    return this.inner.commit(commit);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
