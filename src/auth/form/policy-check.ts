import { Mac } from '../../base/mac.js';
import { AuthError } from '../error.js';
import type { PolicyCondition, PolicyDocument } from './policy-document.js';
import type { FormField, LengthRange, SignedForm } from './ports.js';

const CUSTOMER_KEY = /customer-key$/i;

/**
 * Holds a form against its policy: not expired, every condition holds, and every field is covered by one. What the policy says of
 * the file's size is returned, for the size is known at the end alone.
 * @param exempt lower-case names of fields that no condition needs to cover
 * @throws AuthError AccessDenied
 */
export function checkPolicy(
  { expiresMs, conditions }: PolicyDocument,
  form: SignedForm,
  exempt: ReadonlySet<string>,
  nowMs: number,
): LengthRange | undefined {
  if (nowMs >= expiresMs) throw denied('Policy expired.');
  const covered = new Set<string>();
  let range: LengthRange | undefined;
  for (const condition of conditions) {
    const [operator, name, value] = condition;
    if (condition.length !== 3 || typeof operator !== 'string') throw failed(condition);
    if (operator.toLowerCase() === 'content-length-range') {
      range = narrowed(range, condition);
      continue;
    }
    if (typeof name !== 'string' || !name.startsWith('$') || typeof value !== 'string') throw failed(condition);
    const field = name.slice(1).toLowerCase();
    if (!holds(operator.toLowerCase(), field, sentValue(form, field), value)) throw failed(condition);
    covered.add(field);
  }
  requireCovered(form, covered, exempt);
  return range;
}

function sentValue(form: SignedForm, name: string): FormField['value'] | undefined {
  const sent = form.fields.get(name)?.value;
  // The bucket is the request's own; a field may repeat it.
  return name === 'bucket' ? (sent ?? form.bucket) : sent;
}

/** A field that isn't there meets no condition, not even the one to start with nothing. */
function holds(operator: string, name: string, sent: FormField['value'] | undefined, value: string): boolean {
  if (sent === undefined) return false;
  if (operator === 'eq') return isEqual(sent, value);
  if (operator !== 'starts-with') return false;
  if (typeof sent !== 'string') return isEqual(sent, value, true);
  // A list of types begins as it should where each of them does.
  const texts = name === 'content-type' ? sent.split(',').map((one) => one.trim()) : [sent];
  return texts.every((text) => text.startsWith(value));
}

/** Of a secret nothing is told by the time it takes but its length. */
function isEqual(sent: FormField['value'], value: string, startsWith = false): boolean {
  if (typeof sent === 'string') return sent === value;
  const wanted = Buffer.from(value, 'utf8');
  const bytes = sent.expose();
  return new Mac(wanted).equals(startsWith ? bytes.subarray(0, wanted.length) : bytes);
}

function narrowed(range: LengthRange | undefined, condition: PolicyCondition): LengthRange {
  const [, min, max] = condition;
  const [low, high] = [size(min), size(max)];
  if (low === undefined || high === undefined) throw failed(condition);
  return { min: Math.max(range?.min ?? 0, low), max: Math.min(range?.max ?? Number.MAX_SAFE_INTEGER, high) };
}

function size(json: unknown): number | undefined {
  const number = typeof json === 'string' && /^\d{1,15}$/.test(json) ? Number(json) : json;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

function requireCovered(form: SignedForm, covered: ReadonlySet<string>, exempt: ReadonlySet<string>): void {
  const extra: string[] = [];
  // Where a form may be posted to is a field of its own.
  if (
    !covered.has('bucket') ||
    (form.fields.has('bucket') && !isEqual(form.fields.get('bucket')!.value, form.bucket))
  ) {
    extra.push('bucket');
  }
  for (const name of form.fields.keys()) {
    if (name !== 'bucket' && !covered.has(name) && !exempt.has(name) && !name.startsWith('x-ignore-')) extra.push(name);
  }
  if (extra.length > 0) throw denied(`Extra input fields: ${extra.join(', ')}`);
}

const denied = (why: string): AuthError => new AuthError('AccessDenied', 403, `Invalid according to Policy: ${why}`);

/** The condition as AWS prints it, every part as a string; a policy may hold a customer's key, which is printed nowhere. */
function failed(condition: PolicyCondition): AuthError {
  const secret = typeof condition[1] === 'string' && CUSTOMER_KEY.test(condition[1]);
  const parts = condition.map((part, i) => JSON.stringify(secret && i === 2 ? '[secret]' : text(part)));
  return denied(`Policy Condition failed: [${parts.join(', ')}]`);
}

const text = (part: unknown): string => (typeof part === 'string' ? part : JSON.stringify(part));
