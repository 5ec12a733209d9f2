import { randomUUID } from 'node:crypto';
import type { KmsCallerContext } from '../encryption/ports.js';
import type { AuditEvent } from '../kms/audit/ports.js';
import type { Committing } from '../kms/committing.js';
import { HsmError } from './errors.js';
import type { HsmParts } from './ports.js';

/** As CloudTrail names the service: KMS has actions of the same names. */
export const EVENT_SOURCE = 'cloudhsm.amazonaws.com';

/** Who asks; without `caller` the operator at the command line, or Coffer itself. */
export type Asking = Pick<KmsCallerContext, 'requestId' | 'requestContext'> & Partial<Pick<KmsCallerContext, 'caller'>>;

type Details = NonNullable<AuditEvent['details']>;

/** The record of the audit log that becomes of one request, command or piece of own work: exactly one, whatever becomes of it. */
export class HsmEvent {
  readonly #eventId = randomUUID();
  #resourceArn: string | undefined;
  #details: Details | undefined;
  #recorded = false;

  constructor(
    private readonly action: string,
    private readonly asking: Asking,
    private readonly parts: Pick<HsmParts, 'audit' | 'book' | 'clock'>,
  ) {}

  /** Never a secret. */
  note({ resourceArn, details }: { resourceArn?: string; details?: Details }): void {
    if (resourceArn !== undefined) this.#resourceArn = resourceArn;
    if (details) this.#details = { ...this.#details, ...details };
  }

  /** Commits what is changed together with the record: both or neither. */
  committing(result = 'Success'): Committing {
    const { audit, book } = this.parts;
    return async (commit) => {
      const done = audit ? await audit.commit(commit, this.#event(result)) : await book.meta.commit(commit.build());
      if (done) this.#recorded = true;
      return done;
    };
  }

  /** Leaves the record where no commit took it. @throws where it can't be written */
  async over(result: string): Promise<void> {
    if (!this.#recorded) await this.parts.audit?.record(this.#event(result));
  }

  #event(result: string): AuditEvent {
    const { caller, requestId, requestContext } = this.asking;
    return {
      eventId: this.#eventId,
      timeMs: this.parts.clock.now(),
      requestId,
      eventSource: EVENT_SOURCE,
      action: this.action,
      caller,
      sourceIp: requestContext?.get('aws:sourceip')?.[0],
      resourceArn: this.#resourceArn,
      result,
      details: this.#details,
    };
  }
}

/** Allowed or refused, it becomes a record; nothing is answered before the log has taken it. */
export async function recorded<T>(event: HsmEvent, work: () => Promise<T>): Promise<T> {
  let answer: T;
  try {
    answer = await work();
  } catch (error) {
    await event.over(codeOf(error));
    throw error;
  }
  await event.over('Success');
  return answer;
}

/** As the request is answered. */
export const codeOf = (error: unknown): string =>
  error instanceof HsmError ? error.code : 'CloudHsmInternalFailureException';

/** The service's own. */
export function ownWork(
  parts: Pick<HsmParts, 'audit' | 'book' | 'clock'>,
  action: string,
  about: { resourceArn: string; details?: Details },
): Committing {
  const event = new HsmEvent(action, { requestId: randomUUID() }, parts);
  event.note(about);
  return event.committing();
}
