import type { Secret } from '../../base/secret.js';

/** A field of a browser form. A customer's key is kept as bytes: no string is ever made of it. */
export interface FormField {
  /** As it was sent. */
  name: string;
  value: string | Secret;
}

/** What the signature and the policy of a form are about. */
export interface SignedForm {
  /** The bucket that the form was posted to. */
  bucket: string;
  /** By lower-case name, `${filename}` replaced; without the file. */
  fields: ReadonlyMap<string, FormField>;
}

/** Bounds of the file's size in bytes, both included. */
export interface LengthRange {
  min: number;
  max: number;
}

/** The text of a field. Secrets have none. */
export function fieldText(form: SignedForm, name: string): string | undefined {
  const value = form.fields.get(name)?.value;
  return typeof value === 'string' ? value : undefined;
}
