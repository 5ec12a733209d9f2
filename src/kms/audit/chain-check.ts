import { StoreDamaged } from '../../base/damaged.js';
import type { Row } from '../../store/ports.js';
import type { AuditChain } from './chain.js';
import { type Gap, gapText } from './gap.js';
import { countEvents, eventsOf, type Head, NO_MAC, type Page } from './page.js';

/** Further ones are only counted. */
const FINDINGS_MAX = 1000;
/** Quotes inside of values are escaped: nothing a client sends looks like this. */
const GAP_MEMBER = '"action":"AuditGap"';

/** Takes the rows of the log in order, and finds what isn't as it was written. */
export class ChainCheck {
  readonly findings: string[] = [];
  pages = 0;
  events = 0;
  /** Places that don't verify. */
  damage = 0;
  /** Gaps that the log itself tells of. */
  gaps = 0;
  #sequence: number;
  /** Absent behind a page that doesn't open or isn't there. */
  #previous: Head['mac'] | undefined;

  constructor(
    private readonly chain: AuditChain,
    from: Head,
  ) {
    this.#sequence = from.sequence;
    this.#previous = from.mac;
  }

  /** Of the last row taken. */
  get sequence(): number {
    return this.#sequence;
  }

  /** MAC of the last row taken; of zeros where it doesn't open. */
  get mac(): Head['mac'] {
    return this.#previous ?? NO_MAC;
  }

  /** `undefined`: it doesn't open. */
  take(row: Row): Page | undefined {
    const sequence = this.chain.names.sequenceOf(row.key);
    if (sequence === undefined || sequence <= this.#sequence) {
      this.#damaged(`row ${row.key.toString('hex')} is no page of the log`);
      return undefined;
    }
    this.#follow(sequence);
    let page: Page;
    try {
      page = this.chain.open(row);
    } catch (error) {
      if (!(error instanceof StoreDamaged)) throw error;
      this.#previous = undefined;
      this.#damaged(`page ${sequence} doesn't open: ${error.message}`);
      return undefined;
    }
    this.#link(page);
    this.#previous = page.mac;
    this.pages++;
    this.events += countEvents(page);
    if (page.events.includes(GAP_MEMBER)) this.#countGaps(page);
    return page;
  }

  find(text: string): void {
    if (this.findings.length < FINDINGS_MAX) this.findings.push(text);
    else if (this.findings.length === FINDINGS_MAX) this.findings.push('and more');
  }

  #follow(sequence: number): void {
    const expected = this.#sequence + 1;
    this.#sequence = sequence;
    if (sequence === expected) return;
    this.#previous = undefined;
    this.#damaged(
      sequence === expected + 1 ? `page ${expected} is missing` : `pages ${expected} to ${sequence - 1} are missing`,
    );
  }

  #link({ sequence, previous }: Page): void {
    if (this.#previous ? this.#previous.equals(previous) : !previous.equals(NO_MAC)) return;
    this.#damaged(
      previous.equals(NO_MAC)
        ? `the chain starts anew with page ${sequence}`
        : `page ${sequence} follows another page ${sequence - 1} than the one that is there`,
    );
  }

  #countGaps(page: Page): void {
    for (const { action, timeMs, details } of eventsOf(page)) {
      if (action !== 'AuditGap') continue;
      this.gaps++;
      this.find(
        `page ${page.sequence} tells of a gap, at ${new Date(timeMs).toISOString()}: ${gapText(details as unknown as Gap)}`,
      );
    }
  }

  #damaged(text: string): void {
    this.damage++;
    this.find(text);
  }
}
