import { createHmac } from 'node:crypto';

export interface FormKeys {
  accessKeyId: string;
  secretAccessKey: string;
}

export type Condition = Record<string, string> | readonly unknown[];

const hmac = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

/** A policy that lasts ten minutes, as base64. */
export function policyOf(conditions: readonly Condition[], expiresMs = Date.now() + 600_000): string {
  return base64(JSON.stringify({ expiration: new Date(expiresMs).toISOString(), conditions }));
}

/** Fields as a page gets them from its own server, each named by a condition: signed with V4. */
export function signedFields(
  keys: FormKeys,
  bucket: string,
  fields: Record<string, string>,
  conditions: readonly Condition[] = [],
  options: { expiresMs?: number; region?: string } = {},
): Record<string, string> {
  const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = `${date.slice(0, 8)}/${options.region ?? 'us-east-1'}/s3/aws4_request`;
  const all: Record<string, string> = {
    ...fields,
    'x-amz-algorithm': 'AWS4-HMAC-SHA256',
    'x-amz-credential': `${keys.accessKeyId}/${scope}`,
    'x-amz-date': date,
  };
  const named = new Set(
    conditions.map((one) => (Array.isArray(one) ? String(one[1]).slice(1) : Object.keys(one)[0]!).toLowerCase()),
  );
  const equal = Object.entries(all).filter(([name]) => !named.has(name.toLowerCase()));
  const policy = policyOf(
    [...(named.has('bucket') ? [] : [{ bucket }]), ...equal.map(([name, value]) => ({ [name]: value })), ...conditions],
    options.expiresMs,
  );
  const key = scope.split('/').reduce<Buffer | string>(hmac, `AWS4${keys.secretAccessKey}`);
  return { ...all, policy, 'x-amz-signature': hmac(key, policy).toString('hex') };
}

/** The same with V2. */
export function signedFieldsV2(keys: FormKeys, bucket: string, fields: Record<string, string>): Record<string, string> {
  const policy = policyOf([{ bucket }, ...Object.entries(fields).map(([name, value]) => ({ [name]: value }))]);
  const signature = createHmac('sha1', keys.secretAccessKey).update(policy).digest('base64');
  return { ...fields, AWSAccessKeyId: keys.accessKeyId, policy, signature };
}

export const BOUNDARY = '----coffer-test-boundary';
export const FORM_TYPE = `multipart/form-data; boundary=${BOUNDARY}`;

export interface FileOf {
  content: string | Buffer;
  filename?: string;
  type?: string;
}

/** One part, its boundary before it. */
export function part(head: string, content: string | Buffer): Buffer {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
  return Buffer.concat([Buffer.from(`--${BOUNDARY}\r\n${head}\r\n\r\n`, 'utf8'), bytes, Buffer.from('\r\n')]);
}

export const fieldPart = (name: string, value: string | Buffer): Buffer =>
  part(`Content-Disposition: form-data; name="${name}"`, value);

export function filePart({ content, filename, type }: FileOf): Buffer {
  const named = filename === undefined ? '' : `; filename="${filename}"`;
  const typed = type === undefined ? '' : `\r\nContent-Type: ${type}`;
  return part(`Content-Disposition: form-data; name="file"${named}${typed}`, content);
}

export const END = Buffer.from(`--${BOUNDARY}--\r\n`);

/** A whole form, its file last. */
export function formBody(fields: Record<string, string>, file: FileOf): Buffer {
  const parts = Object.entries(fields).map(([name, value]) => fieldPart(name, value));
  return Buffer.concat([...parts, filePart(file), END]);
}

/** Posts a form, and follows no redirect. */
export async function postForm(
  url: string,
  body: Buffer,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string; headers: Headers }> {
  const init = {
    method: 'POST',
    body,
    headers: { 'content-type': FORM_TYPE, ...headers },
    redirect: 'manual' as const,
  };
  const answer = await fetch(url, init);
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
}
