import { bytesOfText } from '../../base/byte-text.js';
import { formMismatch } from '../form/mismatch.js';
import { requireField } from '../form/missing-field.js';
import type { SignedForm } from '../form/ports.js';
import type { AuthOptions } from '../options.js';
import type { Caller, SignatureFacts } from '../ports.js';
import { findCredential, requireV2 } from '../refusals.js';
import { matches, VERSION } from './verify.js';

/** A form's policy signed by HMAC-SHA-1. https://docs.aws.amazon.com/AmazonS3/latest/API/HTTPPOSTForms.html */
export function byForm(
  form: SignedForm,
  policy: string,
  options: AuthOptions,
): { caller: Caller; signature: SignatureFacts } {
  requireV2(options);
  const accessKeyId = requireField(form, 'AWSAccessKeyId');
  const signature = requireField(form, 'Signature');
  const found = findCredential(options, accessKeyId);
  if (!matches(found.secretAccessKey.expose(), bytesOfText(policy), signature)) {
    throw formMismatch(form, accessKeyId, signature, policy);
  }
  return { caller: found.caller, signature: { type: 'POST', version: VERSION, ageMs: 0, region: '' } };
}
