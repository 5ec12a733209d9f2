import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { AuthError } from '../../src/auth/error.js';
import { authenticateForm } from '../../src/auth/form/authenticate.js';
import type { FormField, SignedForm } from '../../src/auth/form/ports.js';
import type { AuthOptions } from '../../src/auth/options.js';
import { ANONYMOUS } from '../../src/auth/ports.js';
import { ManualClock } from '../../src/base/clock.js';
import { Secret } from '../../src/base/secret.js';
import { policyOf } from '../support/form.js';

const accessKeyId = 'AKIAIOSFODNN7EXAMPLE';
const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const secretAccessKey = new Secret(Buffer.from(SECRET));
const caller = { ...ANONYMOUS, kind: 'root' as const, accountId: '1', accessKeyId };

const options = (now: number | string, change: Partial<AuthOptions> = {}): AuthOptions => ({
  credentials: { find: (id) => (id === accessKeyId ? { accessKeyId, secretAccessKey, caller } : undefined) },
  clock: new ManualClock(typeof now === 'string' ? Date.parse(now) : now),
  region: 'us-east-1',
  service: 's3',
  sigV2: 'allow',
  ...change,
});

const formOf = (fields: Record<string, FormField['value']>, bucket = 'bucket'): SignedForm => ({
  bucket,
  fields: new Map(Object.entries(fields).map(([name, value]) => [name.toLowerCase(), { name, value }])),
});

const NOW = Date.parse('2026-01-01T00:00:00Z');

/** An anonymous form under a policy: the policy alone decides. */
const tried = (fields: Record<string, FormField['value']>, conditions: unknown[], bucket?: string): string => {
  const policy = policyOf([{ bucket: 'bucket' }, ...(conditions as [])], NOW + 1000);
  try {
    authenticateForm(formOf({ ...fields, policy }, bucket), options(NOW));
    return 'accepted';
  } catch (error) {
    if (error instanceof AuthError) return error.message;
    throw error;
  }
};

const refused = (form: SignedForm, by = options(NOW)): AuthError => {
  try {
    authenticateForm(form, by);
  } catch (error) {
    if (error instanceof AuthError) return error;
    throw error;
  }
  throw new Error('accepted');
};

describe('signatures', () => {
  // The policy and the signature of AWS's page sigv4-post-example.
  const lines = [
    '{ "expiration": "2015-12-30T12:00:00.000Z",',
    '  "conditions": [',
    '    {"bucket": "sigv4examplebucket"},',
    '    ["starts-with", "$key", "user/user1/"],',
    '    {"acl": "public-read"},',
    '    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},',
    '    ["starts-with", "$Content-Type", "image/"],',
    '    {"x-amz-meta-uuid": "14365123651274"},',
    '    {"x-amz-server-side-encryption": "AES256"},',
    '    ["starts-with", "$x-amz-meta-tag", ""],',
    '',
    `    {"x-amz-credential": "${accessKeyId}/20151229/us-east-1/s3/aws4_request"},`,
    '    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},',
    '    {"x-amz-date": "20151229T000000Z" }',
    '  ]',
    '}',
  ];
  const fields = {
    key: 'user/user1/photo.png',
    acl: 'public-read',
    success_action_redirect: 'http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html',
    'Content-Type': 'image/png',
    'x-amz-meta-uuid': '14365123651274',
    'x-amz-server-side-encryption': 'AES256',
    'X-Amz-Credential': `${accessKeyId}/20151229/us-east-1/s3/aws4_request`,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Date': '20151229T000000Z',
    'x-amz-meta-tag': '',
    Policy: Buffer.from(lines.join('\r\n')).toString('base64'),
    'X-Amz-Signature': '8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e',
  };
  const at = options('2015-12-29T00:10:00Z');
  const example = (change: Record<string, string | undefined> = {}, bucket = 'sigv4examplebucket') => {
    const all = Object.entries({ ...fields, ...change }).filter(([, value]) => value !== undefined);
    return formOf(Object.fromEntries(all) as Record<string, string>, bucket);
  };

  test('AWS’s example of a form is accepted', () => {
    const { caller: who, signature } = authenticateForm(example(), at);
    expect(who).toBe(caller);
    expect(signature).toEqual({ type: 'POST', version: 'AWS4-HMAC-SHA256', ageMs: 600_000, region: 'us-east-1' });
  });

  test.each<[string, Record<string, string | undefined>, string]>([
    ['another key', { key: 'user/user2/x' }, 'Policy Condition failed: ["starts-with", "$key", "user/user1/"]'],
    ['another ACL', { acl: 'private' }, 'Policy Condition failed: ["eq", "$acl", "public-read"]'],
    ['a field less', { acl: undefined }, 'Policy Condition failed: ["eq", "$acl", "public-read"]'],
    ['a field more', { 'x-amz-meta-b': '', tagging: 'x' }, 'Extra input fields: x-amz-meta-b, tagging'],
  ])('%s is refused', (_name, change, why) => {
    expect(refused(example(change), at).message).toBe(`Invalid according to Policy: ${why}`);
  });

  test.each<[string, Record<string, string | undefined>, string]>([
    ['another signature', { 'X-Amz-Signature': 'a'.repeat(64) }, 'SignatureDoesNotMatch'],
    [
      'a signature in upper case',
      { 'X-Amz-Signature': fields['X-Amz-Signature'].toUpperCase() },
      'SignatureDoesNotMatch',
    ],
    ['an empty signature', { 'X-Amz-Signature': '' }, 'SignatureDoesNotMatch'],
    ['another policy', { Policy: policyOf([]) }, 'SignatureDoesNotMatch'],
    ['another key id', { 'X-Amz-Credential': 'AKIAX/20151229/us-east-1/s3/aws4_request' }, 'InvalidAccessKeyId'],
    ['another region', { 'X-Amz-Credential': `${accessKeyId}/20151229/eu-west-1/s3/aws4_request` }, 'InvalidArgument'],
    ['another day', { 'X-Amz-Date': '20151230T000000Z' }, 'InvalidArgument'],
    ['a date that is none', { 'X-Amz-Date': 'today' }, 'InvalidArgument'],
    ['another algorithm', { 'X-Amz-Algorithm': 'AWS4-HMAC-SHA1' }, 'InvalidArgument'],
    ['a session token', { 'x-amz-security-token': 't' }, 'InvalidToken'],
  ])('%s is refused', (_name, change, code) => {
    expect(refused(example(change), at).code).toBe(code);
  });

  test('another bucket is refused, whatever the form says of it', () => {
    const why = 'Invalid according to Policy: Policy Condition failed: ["eq", "$bucket", "sigv4examplebucket"]';
    expect(refused(example({}, 'other'), at).message).toBe(why);
    expect(refused(example({ bucket: 'sigv4examplebucket' }, 'other'), at).message).toBe(
      'Invalid according to Policy: Extra input fields: bucket',
    );
    expect(authenticateForm(example({ bucket: 'sigv4examplebucket' }), at).caller).toBe(caller);
  });

  test('a field of the signature that is missing is named as AWS names it', () => {
    const missing = (name: string, form: SignedForm): void => {
      expect(refused(form, at)).toMatchObject({
        code: 'InvalidArgument',
        message: `Bucket POST must contain a field named '${name}'.  If it is specified, please check the order of the fields.`,
        extra: { ArgumentName: name },
      });
    };
    for (const name of ['X-Amz-Signature', 'X-Amz-Algorithm', 'X-Amz-Date', 'X-Amz-Credential', 'Policy']) {
      missing(name, example({ [name]: undefined }));
    }
    missing('AWSAccessKeyId', formOf({ key: 'k', policy: 'p', signature: 's' }));
    missing('Signature', formOf({ key: 'k', policy: 'p', AWSAccessKeyId: accessKeyId }));
  });

  test('a form signed with V2 counts where V2 is allowed', () => {
    const policy = policyOf([{ bucket: 'bucket' }, { key: 'k' }], NOW + 1000);
    const signature = createHmac('sha1', SECRET).update(policy).digest('base64');
    const form = formOf({ key: 'k', AWSAccessKeyId: accessKeyId, policy, signature });
    expect(authenticateForm(form, options(NOW))).toMatchObject({ caller, signature: { type: 'POST', version: 'AWS' } });
    expect(refused(form, options(NOW, { sigV2: 'deny' }))).toMatchObject({
      code: 'InvalidRequest',
      message: 'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.',
    });
    const spoilt = formOf({ key: 'k', AWSAccessKeyId: accessKeyId, policy, signature: `A${signature}` });
    expect(refused(spoilt).code).toBe('SignatureDoesNotMatch');
  });

  test('a customer’s key in the policy is not told back', () => {
    const key = 'a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U=';
    const name = 'x-amz-server-side-encryption-customer-key';
    const secret = new Secret(Buffer.from(key));
    const { extra } = refused(example({ Policy: policyOf([{ [name]: key }]) }), at);
    expect(extra.StringToSign).toBeDefined();
    const form = example({ Policy: policyOf([{ [name]: key }]) });
    (form.fields as Map<string, FormField>).set(name, { name, value: secret });
    expect(refused(form, at).extra).toMatchObject({ StringToSign: '[secret]' });
    expect(tried({ [name]: secret }, [['eq', `$${name}`, `${key}x`]])).toBe(
      `Invalid according to Policy: Policy Condition failed: ["eq", "$${name}", "[secret]"]`,
    );
    expect(tried({ [name]: secret }, [['eq', `$${name}`, key]])).toBe('accepted');
    expect(tried({ [name]: secret }, [['starts-with', `$${name}`, '']])).toBe('accepted');
    expect(tried({ [name]: secret }, [['starts-with', `$${name}`, 'a2V5']])).toBe('accepted');
    expect(tried({ [name]: secret }, [])).toBe(`Invalid according to Policy: Extra input fields: ${name}`);
  });
});

describe('conditions', () => {
  const failed = (shown: string): string => `Invalid according to Policy: Policy Condition failed: ${shown}`;

  test.each<[Record<string, string>, unknown[], string]>([
    [{ key: 'a' }, [{ key: 'a' }], 'accepted'],
    [{ key: 'a' }, [{ KEY: 'a' }], 'accepted'],
    [{ KEY: 'a' }, [['EQ', '$Key', 'a']], 'accepted'],
    [{ key: 'a' }, [{ key: 'A' }], failed('["eq", "$key", "A"]')],
    [{ key: 'a' }, [['eq', 'key', 'a']], failed('["eq", "key", "a"]')],
    [{ key: 'a' }, [['starts-with', '$key', '']], 'accepted'],
    [{ key: 'ab' }, [['starts-with', '$key', 'a']], 'accepted'],
    [{ key: 'ba' }, [['starts-with', '$key', 'a']], failed('["starts-with", "$key", "a"]')],
    [{}, [['starts-with', '$key', '']], failed('["starts-with", "$key", ""]')],
    [{ key: 'a' }, [['ends-with', '$key', 'a']], failed('["ends-with", "$key", "a"]')],
    [{ key: 'a' }, [['eq', '$key']], failed('["eq", "$key"]')],
    [{ key: '1' }, [['eq', '$key', 1]], failed('["eq", "$key", "1"]')],
    [{ key: 'a' }, [[]], failed('[]')],
    [
      { key: 'a' },
      [{ key: 'a' }, ['content-length-range', 'test', 10]],
      failed('["content-length-range", "test", "10"]'),
    ],
    [{ key: 'a' }, [{ key: 'a' }, ['content-length-range', -1, 10]], failed('["content-length-range", "-1", "10"]')],
    [{ key: 'a' }, [{ key: 'a' }, ['content-length-range', 1.5, 10]], failed('["content-length-range", "1.5", "10"]')],
    [{ 'x-ignore-me': 'a' }, [], 'accepted'],
    [{ 'x-ignored': 'a' }, [], 'Invalid according to Policy: Extra input fields: x-ignored'],
    [{ 'Content-Type': 'image/png, image/gif' }, [['starts-with', '$content-type', 'image/']], 'accepted'],
    [
      { 'Content-Type': 'image/png, text/html' },
      [['starts-with', '$Content-Type', 'image/']],
      failed('["starts-with", "$Content-Type", "image/"]'),
    ],
    [{ key: 'a', a: 'b' }, [{ key: 'a' }], 'Invalid according to Policy: Extra input fields: a'],
    [
      { key: 'a', AWSAccessKeyId: 'x' },
      [{ key: 'a' }],
      "Bucket POST must contain a field named 'Signature'.  If it is specified, please check the order of the fields.",
    ],
  ])('%j under %j: %s', (fields, conditions, outcome) => {
    expect(tried(fields, conditions)).toBe(outcome);
  });

  test('all of several ranges hold', () => {
    const policy = policyOf(
      [{ bucket: 'bucket' }, ['content-length-range', 0, 10], ['content-length-range', '5', '20']],
      NOW + 1000,
    );
    expect(authenticateForm(formOf({ policy }), options(NOW)).range).toEqual({ min: 5, max: 10 });
  });

  test('a policy without a bucket is for no bucket', () => {
    const policy = policyOf([{ key: 'a' }], NOW + 1000);
    expect(refused(formOf({ key: 'a', policy })).message).toBe(
      'Invalid according to Policy: Extra input fields: bucket',
    );
  });
});

describe('policies', () => {
  const ofText = (text: string): AuthError => refused(formOf({ policy: Buffer.from(text).toString('base64') }));
  const until = '2026-01-01T00:00:01Z';

  test.each<[string, string]>([
    ['', 'Invalid JSON.'],
    ['{', 'Invalid JSON.'],
    ['[]', 'Invalid JSON.'],
    ['null', 'Invalid JSON.'],
    ['{"conditions": []}', 'Policy missing expiration.'],
    [`{"expiration": "${until}"}`, 'Policy missing conditions.'],
    ['{"expiration": "soon", "conditions": []}', "Invalid 'expiration' value: 'soon'"],
    ['{"expiration": "2026-01-01", "conditions": []}', "Invalid 'expiration' value: '2026-01-01'"],
    ['{"expiration": 1, "conditions": []}', "Invalid 'expiration' value: '1'"],
    [`{"expiration": "${until}", "conditions": {}}`, "Invalid 'conditions' value: must be a List."],
    [`{"expiration": "${until}", "conditions": [], "version": 2}`, "Unexpected: 'version'."],
    [
      `{"expiration": "${until}", "conditions": [{}]}`,
      'Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.',
    ],
    [
      `{"expiration": "${until}", "conditions": [{"a": "b", "c": "d"}]}`,
      'Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.',
    ],
    [
      `{"expiration": "${until}", "conditions": [{"success_action_status": 201}]}`,
      'Invalid Simple-Condition: value must be a string.',
    ],
  ])('%s is no policy', (text, why) => {
    expect(ofText(text)).toMatchObject({
      code: 'InvalidPolicyDocument',
      status: 400,
      message: `Invalid Policy: ${why}`,
    });
  });

  test('end in time', () => {
    const form = formOf({ policy: policyOf([{ bucket: 'bucket' }], NOW) });
    expect(authenticateForm(form, options(NOW - 1)).caller).toBe(ANONYMOUS);
    expect(refused(form)).toMatchObject({
      code: 'AccessDenied',
      status: 403,
      message: 'Invalid according to Policy: Policy expired.',
    });
  });
});
