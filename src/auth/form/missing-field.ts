import { AuthError } from '../error.js';
import { fieldText, type SignedForm } from './ports.js';

export const missingField = (name: string): AuthError =>
  new AuthError(
    'InvalidArgument',
    400,
    `Bucket POST must contain a field named '${name}'.  If it is specified, please check the order of the fields.`,
    { ArgumentName: name, ArgumentValue: '' },
  );

/** @throws AuthError InvalidArgument */
export function requireField(form: SignedForm, name: string): string {
  const value = fieldText(form, name.toLowerCase());
  if (value === undefined) throw missingField(name);
  return value;
}
