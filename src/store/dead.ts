import type { Clock } from '../base/clock.js';
import { randomId } from '../base/ids.js';
import type { RecordSealer } from '../seal/ports.js';
import { deadKey } from './keys.js';
import type { MetaStore, Run } from './ports.js';
import { type BodyPart, DEAD, type DeadRecord, type ObjectRecord } from './records.js';
import { Table } from './table.js';

/** Bodies of one dead row at most: keeps the row far below the value limit. */
const PARTS_PER_ROW = 200;

/** Makes the rows that hand a body over to the sweeper, in the commit that makes it unreachable. */
export class DeadRows {
  readonly table: Table<DeadRecord>;

  constructor(
    meta: MetaStore,
    sealer: RecordSealer,
    private readonly clock: Clock,
  ) {
    this.table = new Table(meta, sealer, DEAD);
  }

  /** What is left of a version that nothing names any more. */
  ofVersion(version: ObjectRecord): { key: Uint8Array; value: Buffer }[] {
    const body = version.content?.body;
    if (!body) return [];
    if ('manifest' in body) {
      return [this.row({ manifest: { objectId: version.objectId, pages: body.manifest.pages } })];
    }
    return this.ofParts(version.objectId, [body]);
  }

  ofParts(objectId: string, parts: BodyPart[]): { key: Uint8Array; value: Buffer }[] {
    const rows = [];
    for (let i = 0; i < parts.length; i += PARTS_PER_ROW) {
      const some = parts
        .slice(i, i + PARTS_PER_ROW)
        .map(({ partId, size, inline, runs, chunkBytes }) => ({ partId, size, inline, runs, chunkBytes }));
      rows.push(this.row({ bodies: { objectId, parts: some } }));
    }
    return rows;
  }

  /** Of a body that nothing names yet. */
  ofRuns(objectId: Buffer, partId: Buffer, runs: Run[]): { key: Uint8Array; value: Buffer }[] {
    if (runs.length === 0) return [];
    return this.ofParts(objectId.toString('hex'), [{ partId: partId.toString('hex'), size: 0, runs, chunkBytes: 0 }]);
  }

  row(record: DeadRecord): { key: Uint8Array; value: Buffer } {
    return this.table.put(deadKey(this.clock.now(), randomId()), record);
  }
}
