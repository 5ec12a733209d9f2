import type { IncomingMessage } from 'node:http';
import type { SignedRequest } from '../auth/ports.js';
import type { Clock } from '../base/clock.js';
import type { ConditionValues } from '../policy/ports.js';
import type { AccessEntry } from './access-log.js';
import type { HttpBody } from './body-source.js';
import type { Peer } from './peer.js';
import { RequestValues } from './request-values.js';
import type { ResponseWriter } from './writer.js';

/** One request and where its answer goes; what is known of it goes into `entry` as it becomes known. */
export interface Exchange {
  id: string;
  request: IncomingMessage;
  /** What is signed: method, raw target, headers. */
  signed: SignedRequest;
  body: HttpBody;
  writer: ResponseWriter;
  peer: Peer;
  entry: AccessEntry;
}

/** The condition keys that every request has. */
export const requestContextOf = ({ request, peer }: Exchange, clock: Clock): ConditionValues =>
  new RequestValues(request, peer, clock);
