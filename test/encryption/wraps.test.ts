import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ANONYMOUS } from '../../src/auth/ports.js';
import { ManualClock } from '../../src/base/clock.js';
import { Secret } from '../../src/base/secret.js';
import { encodeContext } from '../../src/encryption/context.js';
import { DataKeys, type KeyTarget, type VersionKeys, type WrapRequest } from '../../src/encryption/data-keys.js';
import type { EncryptionContext, KeyService } from '../../src/encryption/ports.js';
import { WrongCustomerKey } from '../../src/encryption/sse-c.js';
import { Xaes } from '../../src/seal/xaes.js';

/** A key service of one key that remembers what it was asked for. */
class FakeKms implements KeyService {
  readonly calls: string[] = [];
  disabled = false;
  /** What generateDataKey tells; as of a remote service that doesn't, undefined. */
  keyMaterialId: string | undefined;
  readonly #key = new Xaes(new Secret(randomBytes(32)));

  async generateDataKey(_who: unknown, { context }: { context: EncryptionContext }) {
    this.#use('generate');
    const plaintext = randomBytes(32);
    return {
      keyArn: 'arn',
      plaintext: new Secret(plaintext),
      ciphertextBlob: this.#key.seal(encodeContext(context), plaintext),
      keyMaterialId: this.keyMaterialId,
    };
  }

  async decrypt(
    _who: unknown,
    { ciphertextBlob, context }: { ciphertextBlob: Uint8Array; context: EncryptionContext },
  ) {
    this.#use('decrypt');
    return { keyArn: 'arn', plaintext: new Secret(this.#key.open(encodeContext(context), ciphertextBlob)) };
  }

  async encrypt(_who: unknown, { plaintext, context }: { plaintext: Secret; context: EncryptionContext }) {
    this.#use('encrypt');
    return { keyArn: 'arn', ciphertextBlob: this.#key.seal(encodeContext(context), plaintext.expose()) };
  }

  async authorize(_who: unknown, { action }: { action: string }) {
    this.#use(`authorize ${action}`);
    return { keyArn: 'arn' };
  }

  async describeKey(): Promise<never> {
    throw new Error('not asked for');
  }

  #use(call: string): void {
    if (this.disabled) throw new Error('disabled');
    this.calls.push(call);
  }
}

const clock = new ManualClock(0);
const target = (bucket = 'b', key = 'k'): KeyTarget => ({
  who: { caller: ANONYMOUS, requestId: '' },
  arns: { bucketArn: `arn:aws:s3:::${bucket}`, objectArn: `arn:aws:s3:::${bucket}/${key}` },
  ids: { bucketId: randomBytes(16), objectId: randomBytes(16) },
});
const roundTrip = (made: VersionKeys, opened: VersionKeys): boolean => opened.openText(made.sealText('x')) === 'x';

describe('every wrap', () => {
  const customerKey = () => new Secret(Buffer.alloc(32, 9));
  const requests: [string, () => WrapRequest][] = [
    ['SSE-S3', () => ({ mode: 'SSE-S3' })],
    ['SSE-C', () => ({ mode: 'SSE-C', customerKey: customerKey() })],
    ['SSE-KMS', () => ({ mode: 'SSE-KMS', keyId: 'k', context: { a: 'bc' }, bucketKeyEnabled: false })],
    ['SSE-KMS with bucket key', () => ({ mode: 'SSE-KMS', keyId: 'k', context: { a: 'bc' }, bucketKeyEnabled: true })],
    ['DSSE-KMS', () => ({ mode: 'DSSE-KMS', keyId: 'k', context: {} })],
  ];

  test.each(requests)('%s opens for its own version and no other', async (_name, request) => {
    const keys = new DataKeys(new FakeKms(), new Secret(randomBytes(32)), clock);
    const at = target();
    const made = await keys.create(at, request());
    expect(roundTrip(made, await keys.open(at, made.wrapped, customerKey()))).toBe(true);
    const json = JSON.stringify(made.wrapped);
    expect(JSON.parse(json)).toEqual(made.wrapped);
    if (made.wrapped.mode === 'SSE-KMS' && made.wrapped.underBucketKey === undefined) {
      // Bound by the KMS's own context: the object's ARN.
      await expect(keys.open({ ...at, arns: target('b', 'other').arns }, made.wrapped)).rejects.toThrow();
      return;
    }
    for (const ids of [
      { ...at.ids, objectId: randomBytes(16) },
      { ...at.ids, bucketId: randomBytes(16) },
    ]) {
      await expect(keys.open({ ...at, ids }, made.wrapped, customerKey())).rejects.toThrow();
    }
  });

  test.each(requests)(
    '%s opens under the ARNs of its own time, whatever partition Coffer is in by now',
    async (_name, request) => {
      const keys = new DataKeys(new FakeKms(), new Secret(randomBytes(32)), clock);
      const at = target();
      const inChina = {
        ...at,
        arns: { bucketArn: 'arn:aws-cn:s3:::b', objectArn: 'arn:aws-cn:s3:::b/k' },
      };
      for (const [made, opened] of [
        [at, inChina],
        [inChina, at],
        [inChina, inChina],
      ] as const) {
        const keysOf = await keys.create(made, request());
        const { wrapped } = keysOf;
        const named = made === inChina && wrapped.mode.endsWith('KMS') ? 'aws-cn' : undefined;
        expect('partition' in wrapped ? wrapped.partition : undefined).toBe(named);
        expect(roundTrip(keysOf, await keys.open(opened, wrapped, customerKey()))).toBe(true);
        if (wrapped.mode === 'SSE-C') continue;
        const renamed = await keys.rename(opened, { ...opened, arns: inChina.arns }, wrapped);
        expect(roundTrip(keysOf, await keys.open(at, renamed))).toBe(true);
        if (wrapped.mode === 'DSSE-KMS') continue;
        const rewrapped = await keys.rewrap(opened, wrapped, { keyId: 'k', bucketKeyEnabled: true });
        expect(roundTrip(keysOf, await keys.open(at, rewrapped.wrapped))).toBe(true);
      }
    },
  );

  test('SSE-C with another key is refused before anything is unwrapped, and the record holds neither key nor its MD5', async () => {
    const keys = new DataKeys(new FakeKms(), new Secret(randomBytes(32)), clock);
    const at = target();
    const made = await keys.create(at, { mode: 'SSE-C', customerKey: customerKey() });
    await expect(keys.open(at, made.wrapped, new Secret(randomBytes(32)))).rejects.toThrow(WrongCustomerKey);
    expect(JSON.stringify(made.wrapped)).not.toContain(Buffer.alloc(32, 9).toString('base64'));
  });

  test('DSSE-KMS opens with neither hierarchy alone', async () => {
    const storeKey = randomBytes(32);
    const kms = new FakeKms();
    const keys = new DataKeys(kms, new Secret(Buffer.from(storeKey)), clock);
    const at = target();
    const made = await keys.create(at, { mode: 'DSSE-KMS', keyId: 'k', context: {} });
    await expect(new DataKeys(kms, new Secret(randomBytes(32)), clock).open(at, made.wrapped)).rejects.toThrow();
    await expect(
      new DataKeys(new FakeKms(), new Secret(Buffer.from(storeKey)), clock).open(at, made.wrapped),
    ).rejects.toThrow();
  });

  test('the client’s context is bound in a bucket key’s local wrap', async () => {
    const keys = new DataKeys(new FakeKms(), new Secret(randomBytes(32)), clock);
    const at = target();
    const made = await keys.create(at, { mode: 'SSE-KMS', keyId: 'k', context: { a: 'bc' }, bucketKeyEnabled: true });
    const changed = { ...made.wrapped, context: { ab: 'c' } } as typeof made.wrapped;
    await expect(keys.open(at, changed)).rejects.toThrow();
  });
});

describe('the backing key', () => {
  const told = 'ab'.repeat(32);
  const requests: [string, WrapRequest][] = [
    ['SSE-KMS', { mode: 'SSE-KMS', keyId: 'k', context: {}, bucketKeyEnabled: false }],
    ['SSE-KMS with bucket key', { mode: 'SSE-KMS', keyId: 'k', context: {}, bucketKeyEnabled: true }],
    ['DSSE-KMS', { mode: 'DSSE-KMS', keyId: 'k', context: {} }],
  ];

  test.each(requests)(
    'is remembered by %s where the key service tells it, and left out where not',
    async (_name, request) => {
      const kms = new FakeKms();
      const keys = new DataKeys(kms, new Secret(randomBytes(32)), clock);
      expect(await keys.create(target(), request)).not.toHaveProperty('wrapped.keyMaterialId');
      kms.keyMaterialId = told;
      const at = target();
      const made = await keys.create(at, request);
      expect(made.wrapped).toHaveProperty('keyMaterialId', told);
      expect(roundTrip(made, await keys.open(at, made.wrapped))).toBe(true);
    },
  );

  test('of a version under an S3 Bucket Key is the bucket key’s own, also after the CMK was rotated', async () => {
    const kms = new FakeKms();
    const keys = new DataKeys(kms, new Secret(randomBytes(32)), clock);
    const at = target();
    const create = async () => (await keys.create(at, requests[1]![1])).wrapped as { keyMaterialId?: string };
    kms.keyMaterialId = told;
    expect((await create()).keyMaterialId).toBe(told);
    kms.keyMaterialId = 'cd'.repeat(32);
    expect((await create()).keyMaterialId).toBe(told);
    clock.advance(5 * 60 * 1000);
    expect((await create()).keyMaterialId).toBe('cd'.repeat(32));
  });

  test.each(['SSE-S3', 'SSE-C'] as const)('is none for %s', async (mode) => {
    const kms = new FakeKms();
    kms.keyMaterialId = told;
    const keys = new DataKeys(kms, new Secret(randomBytes(32)), clock);
    const request = mode === 'SSE-C' ? { mode, customerKey: new Secret(randomBytes(32)) } : { mode };
    expect(await keys.create(target(), request)).not.toHaveProperty('wrapped.keyMaterialId');
  });
});

describe('an S3 Bucket Key', () => {
  const request: WrapRequest = { mode: 'SSE-KMS', keyId: 'k', context: {}, bucketKeyEnabled: true };

  test('is unwrapped once in five minutes, but authorized at every use', async () => {
    const kms = new FakeKms();
    const keys = new DataKeys(kms, new Secret(randomBytes(32)), clock);
    const at = target();
    const made = await keys.create(at, request);
    await keys.create(at, request);
    await keys.open(at, made.wrapped);
    expect(kms.calls).toEqual(['generate', 'authorize kms:GenerateDataKey', 'authorize kms:Decrypt']);
    clock.advance(5 * 60 * 1000);
    await keys.open(at, made.wrapped);
    expect(kms.calls.at(-1)).toBe('decrypt');
  });

  test('stops opening on the next request after its CMK is disabled', async () => {
    const kms = new FakeKms();
    const keys = new DataKeys(kms, new Secret(randomBytes(32)), clock);
    const at = target();
    const made = await keys.create(at, request);
    kms.disabled = true;
    await expect(keys.open(at, made.wrapped)).rejects.toThrow('disabled');
  });
});

describe('the encoding of a context', () => {
  const hex = (context: Record<string, string>) => encodeContext(context).toString('hex');

  test('tells {"a":"bc"} from {"ab":"c"}', () => {
    expect(hex({ a: 'bc' })).toBe('00000001' + '0000000161' + '000000026263');
    expect(hex({ a: 'bc' })).not.toBe(hex({ ab: 'c' }));
  });

  test('does not depend on the order of members, and sorts by UTF-8 bytes, not UTF-16 units', () => {
    expect(hex({ b: '1', a: '2' })).toBe(hex({ a: '2', b: '1' }));
    const encoded = encodeContext({ '\u{10000}': '', '\u{FFFD}': '' });
    expect(encoded.indexOf(Buffer.from('\u{FFFD}'))).toBeLessThan(encoded.indexOf(Buffer.from('\u{10000}')));
  });
});

describe('a data key that exists', () => {
  test('is wrapped under another key of the KMS, with or without a bucket key, and stays the same', async () => {
    const kms = new FakeKms();
    const keys = new DataKeys(kms, new Secret(randomBytes(32)), clock);
    const where = target();
    const context = { a: 'b' };
    const sources: WrapRequest[] = [
      { mode: 'SSE-S3' },
      { mode: 'SSE-KMS', keyId: 'k', context, bucketKeyEnabled: false },
      { mode: 'SSE-KMS', keyId: 'k', context, bucketKeyEnabled: true },
    ];
    let tried = 0;
    for (const source of sources) {
      for (const bucketKeyEnabled of [false, true]) {
        const made = await keys.create(where, source);
        if (made.wrapped.mode !== 'SSE-S3' && made.wrapped.mode !== 'SSE-KMS') throw new Error('not one of these');
        const rewrapped = await keys.rewrap(where, made.wrapped, { keyId: 'k2', bucketKeyEnabled });
        expect(rewrapped.wrapped).toMatchObject({
          mode: 'SSE-KMS',
          context: source.mode === 'SSE-KMS' ? context : {},
        });
        expect('underBucketKey' in rewrapped.wrapped).toBe(bucketKeyEnabled);
        expect(roundTrip(made, await keys.open(where, rewrapped.wrapped))).toBe(true);
        tried++;
      }
    }
    expect(tried).toBe(6);
  });

  test('gets another name only where the KMS bound the old one', async () => {
    const kms = new FakeKms();
    const keys = new DataKeys(kms, new Secret(randomBytes(32)), clock);
    const from = target();
    const to = { ...target('b', 'other'), ids: from.ids };
    const customerKey = () => new Secret(Buffer.alloc(32, 9));
    const requests: [WrapRequest, string[]][] = [
      [{ mode: 'SSE-S3' }, []],
      [{ mode: 'SSE-C', customerKey: customerKey() }, []],
      [{ mode: 'SSE-KMS', keyId: 'k', context: {}, bucketKeyEnabled: true }, []],
      [{ mode: 'SSE-KMS', keyId: 'k', context: {}, bucketKeyEnabled: false }, ['decrypt', 'encrypt']],
      [{ mode: 'DSSE-KMS', keyId: 'k', context: { a: 'b' } }, ['decrypt', 'encrypt']],
    ];
    for (const [request, calls] of requests) {
      const made = await keys.create(from, request);
      kms.calls.length = 0;
      const renamed = await keys.rename(from, to, made.wrapped);
      expect(kms.calls).toEqual(calls);
      if (calls.length === 0) expect(renamed).toBe(made.wrapped);
      else await expect(keys.open(from, renamed)).rejects.toThrow();
      expect(roundTrip(made, await keys.open(to, renamed, customerKey()))).toBe(true);
    }
    expect(requests).toHaveLength(5);
  });
});
