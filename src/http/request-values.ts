import type { IncomingMessage } from 'node:http';
import { textOfBytes } from '../base/byte-text.js';
import type { Clock } from '../base/clock.js';
import type { ConditionValues } from '../policy/ports.js';
import type { Peer } from './peer.js';

/**
 * The condition keys that every request has, whatever service it is for. What the principal is, the policy engine knows itself.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
 */
export class RequestValues implements ConditionValues {
  readonly #nowMs: number;

  constructor(
    private readonly request: IncomingMessage,
    private readonly peer: Peer,
    clock: Clock,
  ) {
    this.#nowMs = clock.now();
  }

  get(key: string): readonly string[] | undefined {
    switch (key) {
      case 'aws:sourceip':
        return [this.peer.ip];
      case 'aws:securetransport':
        return [String(this.peer.secure)];
      case 'aws:currenttime':
        return [new Date(this.#nowMs).toISOString()];
      case 'aws:epochtime':
        return [String(Math.floor(this.#nowMs / 1000))];
      case 'aws:useragent':
        return one(this.request.headers['user-agent']);
      case 'aws:referer':
        return one(this.request.headers.referer);
      default:
        return undefined;
    }
  }
}

const one = (value: string | undefined): readonly string[] | undefined =>
  value === undefined ? undefined : [textOfBytes(value)];
