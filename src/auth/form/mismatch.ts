import { bytesOfText } from '../../base/byte-text.js';
import type { AuthError } from '../error.js';
import { signatureMismatch } from '../refusals.js';
import type { SignedForm } from './ports.js';

/** The signed text is the policy, and one that speaks of a customer's key may hold it: it is not repeated. */
export function formMismatch(form: SignedForm, accessKeyId: string, signature: string, policy: string): AuthError {
  const secret = [...form.fields.keys()].some((name) => name.endsWith('customer-key'));
  return signatureMismatch(accessKeyId, signature, secret ? '[secret]' : bytesOfText(policy));
}
