import { createHmac } from 'node:crypto';
import { u64 } from '../../base/bytes.js';
import { StoreDamaged } from '../../base/damaged.js';
import { Mac } from '../../base/mac.js';
import type { Secret } from '../../base/secret.js';
import type { AuditEvent } from './ports.js';

const VERSION = 1;
const MAC_BYTES = 32;
const WRITTEN_AT = 1;
const PREVIOUS_AT = WRITTEN_AT + 8;
const EVENTS_AT = PREVIOUS_AT + MAC_BYTES;
const LABEL = Buffer.from('coffer/audit-page\0', 'latin1');
const LF = 0x0a;

/** What a page adds to its events. */
export const PAGE_OVERHEAD_BYTES = EVENTS_AT + MAC_BYTES;

/** Stands for the MAC of a page that there isn't: before the first one, and where the page before doesn't open. */
export const NO_MAC = new Mac(Buffer.alloc(MAC_BYTES));

/** A place in the chain. */
export interface Head {
  sequence: number;
  mac: Mac;
}

/** One or many events in one sealed row. */
export interface Page extends Head {
  writtenMs: number;
  /** MAC of the page before. */
  previous: Mac;
  /** JSON lines: one event each, LF between them. */
  events: Buffer;
}

/** Plaintext of a page and its MAC (FORMAT.md, FMT-AUDIT-1). `chainKey`: 32 bytes. */
export function buildPage(
  chainKey: Secret,
  { sequence, writtenMs, previous, events }: Omit<Page, 'mac'>,
): { plaintext: Buffer; mac: Mac } {
  const plaintext = Buffer.allocUnsafe(PAGE_OVERHEAD_BYTES + events.length);
  plaintext[0] = VERSION;
  plaintext.writeBigUInt64BE(BigInt(writtenMs), WRITTEN_AT);
  plaintext.set(previous.toBytes(), PREVIOUS_AT);
  plaintext.set(events, EVENTS_AT);
  const macAt = EVENTS_AT + events.length;
  const mac = pageMac(chainKey, sequence, plaintext.subarray(0, macAt));
  plaintext.set(mac, macAt);
  return { plaintext, mac: new Mac(mac) };
}

/** @throws StoreDamaged where it is no page, or its MAC is another one. */
export function parsePage(chainKey: Secret, sequence: number, plaintext: Buffer): Page {
  const macAt = plaintext.length - MAC_BYTES;
  if (macAt < EVENTS_AT || plaintext[0] !== VERSION)
    throw new StoreDamaged(`audit page ${sequence} has an unknown form`);
  const mac = new Mac(plaintext.subarray(macAt));
  if (!mac.equals(pageMac(chainKey, sequence, plaintext.subarray(0, macAt)))) {
    throw new StoreDamaged(`audit page ${sequence} has a wrong MAC`);
  }
  return {
    sequence,
    writtenMs: Number(plaintext.readBigUInt64BE(WRITTEN_AT)),
    previous: new Mac(plaintext.subarray(PREVIOUS_AT, EVENTS_AT)),
    events: plaintext.subarray(EVENTS_AT, macAt),
    mac,
  };
}

export function eventsOf({ events }: Pick<Page, 'events'>): AuditEvent[] {
  return events
    .toString('utf8')
    .split('\n')
    .map((line) => JSON.parse(line) as AuditEvent);
}

/** Without parsing them. */
export function countEvents({ events }: Pick<Page, 'events'>): number {
  let count = 1;
  for (let at = events.indexOf(LF); at >= 0; at = events.indexOf(LF, at + 1)) count++;
  return count;
}

function pageMac(chainKey: Secret, sequence: number, page: Uint8Array): Buffer {
  return createHmac('sha256', chainKey.expose()).update(LABEL).update(u64(sequence)).update(page).digest();
}
