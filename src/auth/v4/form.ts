import { parseAmzDate } from '../date.js';
import { AuthError } from '../error.js';
import { formMismatch } from '../form/mismatch.js';
import { requireField } from '../form/missing-field.js';
import type { SignedForm } from '../form/ports.js';
import type { AuthOptions } from '../options.js';
import type { Caller, SignatureFacts } from '../ports.js';
import { findCredential } from '../refusals.js';
import { signingKey } from '../signing-key.js';
import { requireCredential, requireSameDay } from './credential.js';
import { ALGORITHM, matches } from './verify.js';

/** In the order in which AWS misses them. */
export const FORM_FIELDS = ['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Date', 'X-Amz-Signature'] as const;

/**
 * The signature of a form: an HMAC of the policy as it was sent.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html
 */
export function byForm(
  form: SignedForm,
  policy: string,
  options: AuthOptions,
): { caller: Caller; signature: SignatureFacts } {
  const [algorithm, credentialText, date, signature] = FORM_FIELDS.map((name) => requireField(form, name)) as [
    string,
    string,
    string,
    string,
  ];
  if (algorithm !== ALGORITHM) {
    throw invalid('X-Amz-Algorithm', algorithm, `X-Amz-Algorithm only supports "${ALGORITHM}"`);
  }
  const badCredential = (why: string): AuthError =>
    invalid('X-Amz-Credential', credentialText, `Error parsing the X-Amz-Credential parameter; ${why}`);
  const credential = requireCredential(credentialText, options, badCredential);
  const dateMs = parseAmzDate(date);
  if (dateMs === undefined) {
    throw invalid('X-Amz-Date', date, "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  }
  requireSameDay(credential, date, badCredential);
  const found = findCredential(options, credential.accessKeyId);
  const key = signingKey(credential.accessKeyId, found.secretAccessKey, credential);
  if (!matches(key, policy, signature)) throw formMismatch(form, credential.accessKeyId, signature, policy);
  const ageMs = options.clock.now() - dateMs;
  return { caller: found.caller, signature: { type: 'POST', version: ALGORITHM, ageMs, region: credential.region } };
}

const invalid = (name: string, value: string, message: string): AuthError =>
  new AuthError('InvalidArgument', 400, message, { ArgumentName: name, ArgumentValue: value });
