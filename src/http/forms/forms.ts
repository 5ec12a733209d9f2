import { carriesSignature } from '../../auth/authenticate.js';
import { authenticateForm } from '../../auth/form/authenticate.js';
import { missingField } from '../../auth/form/missing-field.js';
import { fieldText, type SignedForm } from '../../auth/form/ports.js';
import type { Authenticated, AuthOptions } from '../../auth/options.js';
import { onlyOneMechanism } from '../../auth/refusals.js';
import { SUBRESOURCES } from '../../auth/subresources.js';
import { MiB, PUT_MAX_BYTES } from '../../base/limits.js';
import { S3Error } from '../../s3/error.js';
import type { RequestFields } from '../../s3/operation.js';
import { objectUrl } from '../../s3/urls.js';
import { type Address, requireBelowRoot, requireKeyLength } from '../addressing.js';
import type { Exchange } from '../exchange.js';
import { formFields } from './form-fields.js';
import { formHeaders } from './form-headers.js';
import type { FormReader } from './form-reader.js';
import { RangedBody } from './ranged-body.js';

/** The largest file, its fields, and what little may follow it. */
const FORM_MAX_BYTES = PUT_MAX_BYTES + MiB;
const FORM = /^multipart\/form-data *(;|$)/i;

/** A POST on a bucket that names no sub-resource is a browser form, or nothing. */
export const isForm = (method: string, { bucket, key, query }: Address): boolean =>
  method === 'POST' && bucket !== '' && key === '' && ![...query.keys()].some((name) => SUBRESOURCES.has(name));

/**
 * What the head of the request tells against a form, before its body is wanted.
 * @throws S3Error PreconditionFailed, MissingContentLength, EntityTooLarge, AuthError InvalidArgument
 */
export function requireFormHead({ request, signed, body }: Exchange): void {
  if (!FORM.test(request.headers['content-type'] ?? '')) {
    throw new S3Error('PreconditionFailed', {
      extra: { Condition: 'Bucket POST must be of the enclosure-type multipart/form-data' },
    });
  }
  // A form is signed by its fields.
  if (carriesSignature(signed)) {
    throw onlyOneMechanism(String(request.headers.authorization ?? ''));
  }
  if (body.length === undefined) throw new S3Error('MissingContentLength');
  if (body.length > FORM_MAX_BYTES) {
    throw new S3Error('EntityTooLarge', {
      extra: { ProposedSize: String(body.length), MaxSizeAllowed: String(PUT_MAX_BYTES) },
    });
  }
}

/** A form whose fields have been read; its file is still on the way. */
export interface OpenForm {
  fields: RequestFields;
  authenticated: Authenticated;
}

/** @throws S3Error, AuthError */
export async function openForm(
  exchange: Exchange,
  reader: FormReader,
  where: Address,
  options: AuthOptions,
): Promise<OpenForm> {
  const head = await reader.head;
  const form: SignedForm = { bucket: where.bucket, fields: formFields(head) };
  const key = requireKey(form);
  const { caller, signature, range } = authenticateForm(form, options);
  const fields: RequestFields = {
    method: 'POST',
    bucket: where.bucket,
    key,
    query: where.query,
    ...formHeaders(form),
    form: {
      redirect: fieldText(form, 'success_action_redirect') ?? fieldText(form, 'redirect'),
      status: fieldText(form, 'success_action_status'),
      location: locationOf(exchange, where.bucket, key),
    },
  };
  const file = range ? new RangedBody(reader.file, range) : reader.file;
  return { fields, authenticated: { caller, signature, wrapBody: () => file } };
}

/** @throws AuthError InvalidArgument, S3Error BadRequest, InvalidArgument, KeyTooLongError */
function requireKey(form: SignedForm): string {
  const key = fieldText(form, 'key');
  if (key === undefined) throw missingField('key');
  if (key === '') {
    throw new S3Error('InvalidArgument', {
      message: 'User key must have a length greater than 0.',
      extra: { ArgumentName: 'key', ArgumentValue: '' },
    });
  }
  requireBelowRoot(key);
  requireKeyLength(key);
  return key;
}

function locationOf({ request, signed, peer }: Exchange, bucket: string, key: string): string {
  const { host } = request.headers;
  return objectUrl({ secure: peer.secure, host, virtualHost: signed.virtualBucket !== undefined }, bucket, key);
}
