import type { AuthError } from '../error.js';
import type { AuthOptions } from '../options.js';
import { ANONYMOUS, type Caller, type SignatureFacts } from '../ports.js';
import { refuseToken } from '../refusals.js';
import { byForm as byFormV2 } from '../v2/form.js';
import { byForm as byFormV4, FORM_FIELDS } from '../v4/form.js';
import { missingField } from './missing-field.js';
import { checkPolicy } from './policy-check.js';
import { parsePolicyDocument } from './policy-document.js';
import { fieldText, type LengthRange, type SignedForm } from './ports.js';

export interface AuthenticatedForm {
  caller: Caller;
  signature: SignatureFacts;
  /** What the policy says of the file's size. */
  range?: LengthRange;
}

const EXEMPT_V4: ReadonlySet<string> = new Set(['policy', 'x-amz-signature']);
const EXEMPT_V2: ReadonlySet<string> = new Set(['policy', 'signature', 'awsaccesskeyid']);

/**
 * Who posts the form, and whether its policy lets it pass. A form without any field of a signature is anonymous; a policy holds for
 * it no less.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html
 * @throws AuthError
 */
export function authenticateForm(form: SignedForm, options: AuthOptions): AuthenticatedForm {
  refuseToken(fieldText(form, 'x-amz-security-token'));
  const v4 = FORM_FIELDS.some((name) => form.fields.has(name.toLowerCase()));
  const v2 = !v4 && (form.fields.has('awsaccesskeyid') || form.fields.has('signature'));
  const policy = fieldText(form, 'policy');
  if ((v4 || v2) && policy === undefined) throw missingPolicy();
  const who = v4 ? byFormV4(form, policy!, options) : v2 ? byFormV2(form, policy!, options) : anonymous();
  if (policy === undefined) return who;
  const exempt = v2 ? EXEMPT_V2 : EXEMPT_V4;
  const range = checkPolicy(parsePolicyDocument(policy), form, exempt, options.clock.now());
  return range ? { ...who, range } : who;
}

const missingPolicy = (): AuthError => missingField('Policy');

const anonymous = (): AuthenticatedForm => ({
  caller: ANONYMOUS,
  signature: { type: 'anonymous', version: '', ageMs: 0, region: '' },
});
