import { EMPTY, lengthPrefixed, utf8 } from '../base/bytes.js';
import { StoreDamaged } from '../base/damaged.js';
import type { RootKeyPlace } from './key-places.js';
import { RootSealer } from './record-sealer.js';
import { type RootKey, RootKeyError } from './root-key.js';

/** The row that is there as long as some rows may be sealed under the old root key and some under the new one. */
export const ROTATION_MARK_KEY = utf8('s/rotation');
const TYPE = 'root-key-rotation';
const VERSION = 1;
const ID_BYTES = 4;

/** Where the two root keys come from. */
export interface RotationPlan {
  from: RootKeyPlace;
  to: RootKeyPlace;
}

/**
 * A rotation that has begun. The plan is sealed under both keys (FORMAT.md, "Rotation mark"): whoever finds one of them learns
 * where the other is, and whoever can only write the disk can't have the store sealed under a key of their own.
 */
export class RotationMark {
  private constructor(
    readonly fromId: Buffer,
    readonly toId: Buffer,
    private readonly underFrom: Buffer,
    private readonly underTo: Buffer,
  ) {}

  static encode(from: RootKey, to: RootKey, plan: RotationPlan): Buffer {
    const ids = { fromId: from.id.toString('hex'), toId: to.id.toString('hex') };
    const plaintext = utf8(JSON.stringify({ ...ids, ...plan }));
    const [underFrom, underTo] = [from, to].map((key) =>
      lengthPrefixed(new RootSealer(key).seal(TYPE, ROTATION_MARK_KEY, plaintext)),
    );
    return Buffer.concat([Buffer.of(VERSION), to.id, from.id, underFrom!, underTo!]);
  }

  /** The mark of a rotation that needs the old key no more: nothing in it is sealed under that. */
  settled(): Buffer {
    const none = lengthPrefixed(EMPTY);
    return Buffer.concat([Buffer.of(VERSION), this.toId, this.fromId, none, lengthPrefixed(this.underTo)]);
  }

  get isSettled(): boolean {
    return this.underFrom.length === 0;
  }

  /** @throws StoreDamaged */
  static decode(value: Buffer): RotationMark {
    if (value[0] !== VERSION || value.length < 1 + 2 * ID_BYTES) throw damaged();
    const [underFrom, next] = prefixed(value, 1 + 2 * ID_BYTES);
    const [underTo, end] = prefixed(value, next);
    if (end !== value.length) throw damaged();
    return new RotationMark(value.subarray(5, 9), value.subarray(1, 5), underFrom, underTo);
  }

  /** `key`: one of the two. @throws StoreDamaged where the mark wasn't made with it. */
  open(key: RootKey): RotationPlan {
    const sealed = key.id.equals(this.fromId) ? this.underFrom : this.underTo;
    const json = JSON.parse(new RootSealer(key).open(TYPE, ROTATION_MARK_KEY, sealed).toString('utf8'));
    const { fromId, toId, from, to } = json as RotationPlan & { fromId: string; toId: string };
    if (fromId !== this.fromId.toString('hex') || toId !== this.toId.toString('hex')) throw damaged();
    return { from, to };
  }
}

/** What is needed of a MetaStore (which lies above this room). */
interface Rows {
  get(key: Uint8Array): Promise<{ value: Buffer } | undefined>;
}

/** Call at start-up, before the root key is read. @throws RootKeyError where a rotation hasn't ended */
export async function requireNoRotation(rows: Rows): Promise<void> {
  if ((await rows.get(ROTATION_MARK_KEY)) === undefined) return;
  throw new RootKeyError('root key rotation was interrupted: run `coffer root-key rotate --resume`');
}

function prefixed(value: Buffer, at: number): [bytes: Buffer, next: number] {
  if (at + 4 > value.length) throw damaged();
  const end = at + 4 + value.readUInt32BE(at);
  if (end > value.length) throw damaged();
  return [value.subarray(at + 4, end), end];
}

const damaged = (): StoreDamaged => new StoreDamaged('the mark of a root key rotation is damaged');
