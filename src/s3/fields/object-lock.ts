import type { XmlTree } from '../../base/xml/ports.js';
import type { RetentionMode, VersionLock } from '../../store/records.js';
import { S3Error } from '../error.js';
import type { Field, RequestFields } from '../operation.js';
import { child } from './xml.js';

const PREFIX = 'x-amz-object-lock-';
const MODE = `${PREFIX}mode`;
const UNTIL = `${PREFIX}retain-until-date`;
const HOLD = `${PREFIX}legal-hold`;

/** `x-amz-object-lock-*` of PutObject, CopyObject and CreateMultipartUpload as one field. Undefined where none was sent. */
export const objectLock: Field<VersionLock | undefined> = {
  read: ({ headers }) => {
    const lock: VersionLock = {};
    const retention = readRetention(headers);
    if (retention) lock.retention = retention;
    const legalHold = headers[HOLD];
    if (legalHold !== undefined) {
      if (legalHold !== 'ON' && legalHold !== 'OFF') {
        throw invalid("Legal Hold must be either of 'ON' or 'OFF'", HOLD, legalHold);
      }
      lock.legalHold = legalHold;
    }
    return retention || legalHold !== undefined ? lock : undefined;
  },
};

function readRetention(headers: RequestFields['headers']): VersionLock['retention'] | undefined {
  const mode = headers[MODE];
  const until = headers[UNTIL];
  if (mode === undefined && until === undefined) return undefined;
  if (mode === undefined || until === undefined) {
    throw invalid(`${UNTIL} and ${MODE} must both be supplied`, mode === undefined ? MODE : UNTIL);
  }
  if (!isRetentionMode(mode)) throw invalid('Unknown wormMode directive.', MODE, mode);
  const untilMs = parseIsoDate(until);
  if (untilMs === undefined) {
    throw invalid('The retain until date must be provided in ISO 8601 format', UNTIL, until);
  }
  return { mode, untilMs };
}

export const isRetentionMode = (text: string): text is RetentionMode => text === 'GOVERNANCE' || text === 'COMPLIANCE';

const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})$/;

/** ISO 8601 with a time zone, in milliseconds; undefined for anything else. */
export function parseIsoDate(text: string): number | undefined {
  if (!ISO.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** `x-amz-bypass-governance-retention`; undefined where it wasn't sent. */
export const bypassGovernance: Field<boolean | undefined> = {
  read: ({ headers }) => {
    const value = headers['x-amz-bypass-governance-retention'];
    return value === undefined ? undefined : value.toLowerCase() === 'true';
  },
};

function invalid(message: string, name: string, value?: string): S3Error {
  const extra = { ArgumentName: name, ...(value === undefined ? {} : { ArgumentValue: value }) };
  return new S3Error('InvalidArgument', { message, extra });
}

/** Holds until an event, which AWS has since 2026. @throws NotImplemented: a version must not look held */
export function refuseEventHold(tree: XmlTree): void {
  for (const name of ['EventHold', 'EventHoldDuration', 'DefaultEventHold']) {
    if (child(tree, name)) throw new S3Error('NotImplemented', { message: `${name} is not implemented` });
  }
}
