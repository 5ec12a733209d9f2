import { randomUUID } from 'node:crypto';
import type { Clock } from '../../base/clock.js';
import type { AuditLog } from './ports.js';

/** Services and codes come from this code, not from the wire; the bound is for the day that changes. */
const KINDS_MAX = 64;
const OTHER = 'other';
const HOUR_MS = 3_600_000;
const SAMPLE_EVERY_MS = 1000;
const SAMPLES_PER_HOUR = 300;

export interface AuthFailure {
  /** `kms`, `s3`, `sts`. */
  service: string;
  /** Of the error: `SignatureDoesNotMatch`. */
  code: string;
  requestId: string;
  sourceIp?: string | undefined;
}

/**
 * Requests that failed authentication: all are counted, few become events, so that a stranger can't fill the disk. Nothing a
 * stranger says about himself is kept but where he called from.
 */
export class AuthFailures {
  readonly #totals = new Map<string, number>();
  /** Since the last sample. */
  #fresh = new Map<string, number>();
  #lastFailure: AuthFailure | undefined;
  #lastSampleMs = Number.NEGATIVE_INFINITY;
  #hourFromMs = Number.NEGATIVE_INFINITY;
  #samplesOfHour = 0;

  constructor(
    private readonly audit: Pick<AuditLog, 'record'>,
    private readonly clock: Clock,
  ) {}

  /** The event it may cause has the action `AuthenticationFailure`, and in its details `<service> <code>` = how many since the last. */
  note(failure: AuthFailure): void {
    const kind = this.#kindOf(failure);
    this.#totals.set(kind, (this.#totals.get(kind) ?? 0) + 1);
    this.#fresh.set(kind, (this.#fresh.get(kind) ?? 0) + 1);
    this.#lastFailure = failure;
    this.sample();
  }

  /** Also to be called from time to time and before the log closes: what came after the last sample would else go unrecorded. */
  sample(): void {
    const failure = this.#lastFailure;
    const nowMs = this.clock.now();
    if (!failure || !this.#mayAt(nowMs)) return;
    const { code, requestId, sourceIp } = failure;
    const details = Object.fromEntries(this.#fresh);
    this.#fresh = new Map();
    this.#lastFailure = undefined;
    const where = sourceIp === undefined ? {} : { sourceIp };
    const event = { eventId: randomUUID(), timeMs: nowMs, requestId, ...where, result: code, details };
    // The request is refused in any case, and the log reports its own trouble.
    this.audit.record({ ...event, action: 'AuthenticationFailure' })?.catch(() => {});
  }

  /** Since the start, by `<service> <code>`: for the metrics. */
  totals(): ReadonlyMap<string, number> {
    return this.#totals;
  }

  #kindOf({ service, code }: AuthFailure): string {
    const kind = `${service} ${code}`;
    return this.#totals.has(kind) || this.#totals.size < KINDS_MAX ? kind : OTHER;
  }

  /** Clocks that were set back don't stop the samples for long: any step counts as a new hour. */
  #mayAt(nowMs: number): boolean {
    if (nowMs < this.#hourFromMs || nowMs >= this.#hourFromMs + HOUR_MS) {
      this.#hourFromMs = nowMs;
      this.#samplesOfHour = 0;
    } else if (nowMs - this.#lastSampleMs < SAMPLE_EVERY_MS || this.#samplesOfHour >= SAMPLES_PER_HOUR) {
      return false;
    }
    this.#lastSampleMs = nowMs;
    this.#samplesOfHour++;
    return true;
  }
}
