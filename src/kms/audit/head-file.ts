import { createHmac } from 'node:crypto';
import { dirname } from 'node:path';
import { u64 } from '../../base/bytes.js';
import { Mac } from '../../base/mac.js';
import { makeDirectory } from '../../base/make-directory.js';
import type { Secret } from '../../base/secret.js';
import { readIfThere, writeDurably } from '../../store/leveldb/files.js';
import type { Head } from './page.js';

const MARKER = 'coffer-audit-head-v1';
const LABEL = Buffer.from('coffer/audit-head\0', 'latin1');
const PLACE_BYTES = 8 + 32;
const BYTES = PLACE_BYTES + 32;

/**
 * The head of the log as it was a moment ago, in a small file beside the root key: who cuts the log or puts an old copy of the
 * data directory in place doesn't reach it. FORMAT.md, FMT-AUDIT-4.
 */
export class HeadFile {
  constructor(
    readonly path: string,
    private readonly chainKey: Secret,
  ) {}

  /** Replaced by rename, durable when it resolves. */
  async write({ sequence, mac }: Head): Promise<void> {
    const place = Buffer.concat([u64(sequence), mac.toBytes()]);
    await makeDirectory(dirname(this.path));
    await writeDurably(this.path, `${MARKER} ${Buffer.concat([place, this.#mac(place)]).toString('base64')}\n`);
  }

  /** `damaged`: it can't be read, is no such file, or belongs to another root key. */
  async read(): Promise<Head | 'absent' | 'damaged'> {
    let text: string | undefined;
    try {
      text = await readIfThere(this.path);
    } catch {
      return 'damaged';
    }
    if (text === undefined) return 'absent';
    const [marker, base64 = ''] = text.trimEnd().split(' ');
    const bytes = Buffer.from(base64, 'base64');
    if (marker !== MARKER || bytes.length !== BYTES) return 'damaged';
    const place = bytes.subarray(0, PLACE_BYTES);
    if (!new Mac(bytes.subarray(PLACE_BYTES)).equals(this.#mac(place))) return 'damaged';
    return { sequence: Number(place.readBigUInt64BE()), mac: new Mac(place.subarray(8)) };
  }

  #mac(place: Uint8Array): Buffer {
    return createHmac('sha256', this.chainKey.expose()).update(LABEL).update(place).digest();
  }
}
