import { fieldText, type SignedForm } from '../../auth/form/ports.js';
import { Secret } from '../../base/secret.js';
import { S3Error } from '../../s3/error.js';
import { tagsOfForm } from '../../s3/fields/form-tagging.js';
import type { CustomerKeyHeaders, RequestFields } from '../../s3/operation.js';
import { isHeaderName, OF_SIGNATURE } from '../hoisted.js';

const CUSTOMER = 'x-amz-server-side-encryption-customer-';
const META = 'x-amz-meta-';
/** Fields that are headers of PutObject under their own names. */
const REST: ReadonlySet<string> = new Set([
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-md5',
  'content-type',
  'expires',
  // Conditions: those that PutObject doesn't know are refused there.
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-unmodified-since',
]);
/** Of a body's transfer, of another request, or of what a form is not. */
const NOT_OF_FORMS = /^x-amz-(copy-source|trailer$|decoded-content-length$|security-token$|request-route$)/;

/** What a form asks for, as the headers that PutObject would be asked with. @throws S3Error InvalidArgument, InvalidTag, MalformedXML */
export function formHeaders(form: SignedForm): Pick<RequestFields, 'headers' | 'sseCustomer'> {
  const headers: Record<string, string> = {};
  for (const [name, { value }] of form.fields) {
    if (typeof value !== 'string' || name.startsWith(CUSTOMER)) continue;
    if (name.startsWith('x-amz-')) requireToken(name);
    if (name.startsWith(META)) headers[name] = metadataHeader(value);
    else if (REST.has(name)) headers[name] = headerValue(value);
    else if (name.startsWith('x-amz-') && !OF_SIGNATURE.has(name) && !NOT_OF_FORMS.test(name)) {
      headers[name] = headerValue(value);
    }
  }
  const acl = fieldText(form, 'acl');
  if (acl !== undefined) headers['x-amz-acl'] = headerValue(acl);
  const tagging = fieldText(form, 'tagging');
  const tags = tagging === undefined ? undefined : tagsOfForm(tagging);
  if (tags !== undefined) headers['x-amz-tagging'] = tags;
  const sseCustomer = customerKeyOf(form);
  return sseCustomer ? { headers, sseCustomer } : { headers };
}

function customerKeyOf(form: SignedForm): CustomerKeyHeaders | undefined {
  const algorithm = fieldText(form, `${CUSTOMER}algorithm`);
  const key = form.fields.get(`${CUSTOMER}key`)?.value;
  const keyMd5 = fieldText(form, `${CUSTOMER}key-md5`);
  if (algorithm === undefined && key === undefined && keyMd5 === undefined) return undefined;
  const sent: CustomerKeyHeaders = {};
  if (algorithm !== undefined) sent.algorithm = algorithm;
  if (key instanceof Secret) sent.key = key;
  if (keyMd5 !== undefined) sent.keyMd5 = keyMd5;
  return sent;
}

/** What can't be a header's name could be stored, and never be answered. */
function requireToken(name: string): void {
  if (isHeaderName(name)) return;
  throw new S3Error('InvalidArgument', {
    message: 'The name of a field is not valid as the name of a header.',
    extra: { ArgumentName: name },
  });
}

/** A header holds latin1 without control characters; S3 puts spaces where a form's field has others. */
const headerValue = (text: string): string => text.replace(/[^\t\x20-\x7e\x80-\xff]/gu, ' ');

/** Metadata is any text, and taken as it stands: what looks like an encoded word is none. */
function metadataHeader(text: string): string {
  const plain = /^[\x20-\x7e]*$/.test(text) && !text.includes('=?');
  return plain ? text : `=?UTF-8?B?${Buffer.from(text, 'utf8').toString('base64')}?=`;
}
