import { USER_METADATA_MAX_BYTES } from '../../base/limits.js';
import type { SystemMetadata } from '../../store/records.js';
import { S3Error } from '../error.js';
import type { Field } from '../operation.js';
import { refuseUnsendable } from './header-value.js';
import { decodeHeaderValue, encodeHeaderValue, storedBytes } from './rfc2047.js';

const PREFIX = 'x-amz-meta-';

/** User metadata: lower-case names without the prefix. */
export const userMetadata: Field<Record<string, string>> = {
  read: ({ headers }) => {
    // Without a prototype: `__proto__` is a name like any other.
    const metadata: Record<string, string> = Object.create(null);
    let bytes = 0;
    for (const name in headers) {
      if (!name.startsWith(PREFIX)) continue;
      const value = headers[name];
      if (value === undefined) continue;
      const short = name.slice(PREFIX.length);
      metadata[short] = decodeHeaderValue(value);
      bytes += short.length + storedBytes(metadata[short]).length;
    }
    if (bytes > USER_METADATA_MAX_BYTES) {
      throw new S3Error('MetadataTooLarge', {
        extra: { Size: String(bytes), MaxSizeAllowed: String(USER_METADATA_MAX_BYTES) },
      });
    }
    return metadata;
  },
};

export function userMetadataHeaders(metadata: Record<string, string>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name in metadata) headers[PREFIX + name] = encodeHeaderValue(metadata[name]!);
  return headers;
}

/** Headers that are stored and come back. `aws-chunked` is the transfer's, not the content's. */
export const systemMetadata: Field<SystemMetadata> = {
  read: ({ headers }) => {
    const system: SystemMetadata = {};
    for (const [member, name] of SYSTEM) {
      const value = headers[name];
      if (value !== undefined) system[member] = value;
    }
    if (system.contentEncoding !== undefined) {
      system.contentEncoding = system.contentEncoding.replace(AWS_CHUNKED, '');
      if (system.contentEncoding.trim() === '') delete system.contentEncoding;
    }
    const redirect = system.websiteRedirectLocation;
    if (redirect !== undefined && !/^(\/|https?:\/\/)/.test(redirect)) throw new S3Error('InvalidRedirectLocation');
    if (redirect !== undefined && Buffer.byteLength(redirect, 'latin1') > REDIRECT_MAX_BYTES) {
      throw new S3Error('InvalidRedirectLocation', {
        message: 'The length of website redirect location cannot exceed 2,048 characters.',
      });
    }
    return system;
  },
};

const REDIRECT_MAX_BYTES = 2048;
/** The coding with the comma before or behind it: what else there is stays as it was sent. */
const AWS_CHUNKED = /^\s*aws-chunked\s*(?:,\s*|$)|\s*,\s*aws-chunked\s*(?=,|$)/gi;

const SYSTEM: readonly (readonly [keyof SystemMetadata, string])[] = [
  ['contentType', 'content-type'],
  ['contentEncoding', 'content-encoding'],
  ['contentDisposition', 'content-disposition'],
  ['contentLanguage', 'content-language'],
  ['cacheControl', 'cache-control'],
  ['expires', 'expires'],
  ['websiteRedirectLocation', 'x-amz-website-redirect-location'],
];

/** What S3 answers where no Content-Type was sent. */
export const DEFAULT_CONTENT_TYPE = 'binary/octet-stream';

export function systemMetadataHeaders(system: SystemMetadata): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': system.contentType ?? DEFAULT_CONTENT_TYPE };
  for (const [member, name] of SYSTEM) {
    const value = system[member];
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}

/** Parameters of a signed GET or HEAD that replace headers of the answer. @throws InvalidArgument */
export const responseOverrides: Field<Record<string, string>> = {
  read: ({ query }) => {
    const headers: Record<string, string> = {};
    for (const name of OVERRIDES) {
      const parameter = `response-${name}`;
      const value = query.get(parameter);
      if (value === undefined) continue;
      refuseUnsendable(parameter, value);
      headers[name] = value;
    }
    return headers;
  },
};

const OVERRIDES = [
  'content-type',
  'content-language',
  'expires',
  'cache-control',
  'content-disposition',
  'content-encoding',
] as const;
