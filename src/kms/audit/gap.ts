import { StoreDamaged } from '../../base/damaged.js';
import { type AuditChain, macOf } from './chain.js';
import { type Head, NO_MAC } from './page.js';

/** Where the log and the head file beside the root key don't agree. A type: it becomes the details of an event. */
export type Gap = {
  reason: string;
  /** By the head file; MACs in hex. */
  expectedSequence?: number;
  expectedMac?: string;
  /** By the log: its end, or the page that was expected. */
  foundSequence: number;
  foundMac: string;
};

/**
 * The log must contain what the head file names; that it goes on from there is normal. `undefined`: it does, or the log was never
 * written.
 */
export async function findGap(chain: AuditChain, expected: Head | 'absent' | 'damaged'): Promise<Gap | undefined> {
  const head = await chain.newest();
  if (expected === 'absent') {
    return head.sequence === 0 ? undefined : gap('the head file is missing', undefined, head);
  }
  if (expected === 'damaged') return gap('the head file is damaged or belongs to another root key', undefined, head);
  if (head.sequence > 0 && head.mac.equals(NO_MAC)) return gap('the newest page is damaged', expected, head);
  if (expected.sequence > head.sequence) {
    return gap('the log ends before the page that the head file names', expected, head);
  }
  const found = await placeOf(chain, expected.sequence);
  if (found === 'removed') return gap('the head file is older than the checkpoint of the log', expected, head);
  if (!found) return gap('the page that the head file names is missing', expected, head);
  if (found === 'damaged') {
    const place = { sequence: expected.sequence, mac: NO_MAC };
    return gap('the page that the head file names is damaged', expected, place);
  }
  return found.mac.equals(expected.mac)
    ? undefined
    : gap('the log has another page in the place that the head file names', expected, found);
}

/** As a finding, and as a line of the log. */
export function gapText({ reason, expectedSequence, expectedMac, foundSequence, foundMac }: Gap): string {
  const expected =
    expectedSequence === undefined ? '' : `: page ${expectedSequence} with MAC ${expectedMac} was expected`;
  return `${reason}${expected}; page ${foundSequence} with MAC ${foundMac} was found`;
}

async function placeOf(chain: AuditChain, sequence: number): Promise<Head | 'removed' | 'damaged' | undefined> {
  try {
    const page = await chain.page(sequence);
    if (page) return page;
    const checkpoint = (await chain.checkpoint())?.record;
    if (!checkpoint && sequence === 0) return { sequence, mac: NO_MAC };
    if (!checkpoint || checkpoint.sequence < sequence) return undefined;
    return checkpoint.sequence === sequence ? { sequence, mac: macOf(checkpoint.mac) } : 'removed';
  } catch (error) {
    if (error instanceof StoreDamaged) return 'damaged';
    throw error;
  }
}

function gap(reason: string, expected: Head | undefined, found: Head): Gap {
  const foundPart = { foundSequence: found.sequence, foundMac: hex(found) };
  if (!expected) return { reason, ...foundPart };
  return { reason, expectedSequence: expected.sequence, expectedMac: hex(expected), ...foundPart };
}

const hex = ({ mac }: Head): string => mac.toBytes().toString('hex');
