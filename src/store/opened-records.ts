import { BoundedMap } from '../base/bounded-map.js';

/** Of a sealed record. Larger ones are rare and would make the memory that is taken hard to foresee. */
const SEALED_MAX_BYTES = 4096;

/**
 * The records that were opened last, by their rows. What is sealed in the same bytes is the same record: rows are read from the
 * store every time, and only what deciphering and parsing would give again is taken from here.
 * Records in it are frozen: many requests hold one.
 */
export class OpenedRecords<T> {
  readonly #byRow: BoundedMap<{ sealed: Buffer; record: T }>;

  /** `max`: how many are kept. */
  constructor(max: number) {
    this.#byRow = new BoundedMap(max);
  }

  /** @param row the row's key, as Latin-1 */
  get(row: string, sealed: Buffer): T | undefined {
    const known = this.#byRow.get(row);
    return known?.sealed.equals(sealed) ? known.record : undefined;
  }

  set(row: string, sealed: Buffer, record: T): void {
    if (sealed.length > SEALED_MAX_BYTES) return;
    // What was written anew is the latest.
    this.#byRow.delete(row);
    // A copy: the store's own buffer may be larger, or be used again.
    this.#byRow.set(row, { sealed: Buffer.from(sealed), record: freeze(record) });
  }
}

function freeze<V>(value: V): V {
  if (typeof value !== 'object' || value === null) return value;
  for (const member of Object.values(value)) freeze(member);
  return Object.freeze(value);
}
