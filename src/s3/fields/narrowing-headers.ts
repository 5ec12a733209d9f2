import { S3Error } from '../error.js';
import type { RequestFields } from '../operation.js';

/**
 * Families of headers that narrow what a request may do, or protect what it writes. AWS gives them new members: one that isn't
 * known must not be dropped, or the object is written unlocked, unencrypted, or over what should have stayed.
 */
const FAMILY =
  /^x-amz-(?:(?:bucket-)?object-lock-|(?:copy-source-|rename-source-|object-)?if-|(?:source-)?expected-|(?:copy-source-)?server-side-encryption|bypass-|grant-|write-|bucket-namespace)/;

/** Which operation takes which is the operation's business. */
const KNOWN: ReadonlySet<string> = new Set([
  'x-amz-bucket-object-lock-enabled',
  // Asked for by AWS's support alone; without one it is no lock less.
  'x-amz-bucket-object-lock-token',
  'x-amz-object-lock-legal-hold',
  'x-amz-object-lock-mode',
  'x-amz-object-lock-retain-until-date',
  'x-amz-bypass-governance-retention',
  'x-amz-if-match-last-modified-time',
  'x-amz-if-match-size',
  ...['copy-source', 'rename-source'].flatMap((source) =>
    ['match', 'none-match', 'modified-since', 'unmodified-since'].map((what) => `x-amz-${source}-if-${what}`),
  ),
  'x-amz-expected-bucket-owner',
  'x-amz-source-expected-bucket-owner',
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-aws-kms-key-id',
  'x-amz-server-side-encryption-bucket-key-enabled',
  'x-amz-server-side-encryption-context',
  ...['', 'copy-source-'].flatMap((source) =>
    ['algorithm', 'key', 'key-md5'].map((what) => `x-amz-${source}server-side-encryption-customer-${what}`),
  ),
  ...['full-control', 'read', 'read-acp', 'write', 'write-acp'].map((what) => `x-amz-grant-${what}`),
]);

/** The buckets that there are lie in one namespace. */
const isShared = (name: string, value: string | undefined): boolean =>
  name === 'x-amz-bucket-namespace' && value === 'global';

/** @throws S3Error NotImplemented, which names the header */
export function refuseUnknownNarrowing(headers: RequestFields['headers']): void {
  for (const name in headers) {
    if (!name.startsWith('x-amz-') || !FAMILY.test(name) || KNOWN.has(name)) continue;
    if (headers[name] === undefined || isShared(name, headers[name])) continue;
    throw new S3Error('NotImplemented', { extra: { Header: name } });
  }
}
