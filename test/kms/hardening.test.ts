import { describe, expect, test } from 'vitest';
import { ANONYMOUS } from '../../src/auth/ports.js';
import { OutcomeUnknown } from '../../src/store/errors.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';
import type { Commit } from '../../src/store/ports.js';
import { ACCOUNT, makeKms, root, who } from './harness.js';

const PLAINTEXT = Buffer.from('a secret').toString('base64');

/** Holds back answers of reads until it is let go. */
class SlowStore extends MemoryMetaStore {
  hold: Promise<void> | undefined;
  override async get(key: Uint8Array) {
    const row = await super.get(key);
    await this.hold;
    return row;
  }
}

/** Applies a commit and says that it can't tell. */
class UncertainStore extends MemoryMetaStore {
  uncertain = false;
  override async commit(commit: Commit) {
    const done = await super.commit(commit);
    if (this.uncertain) throw new OutcomeUnknown('lost');
    return done;
  }
}

describe('the cache of keys', () => {
  test('keeps no key that was read before a write and arrives after it', async () => {
    const meta = new SlowStore();
    const { KeyId } = await makeKms(meta).createKey();
    // Another service over the same rows: nothing is cached yet.
    const { kms, ask } = makeKms(meta);
    let release!: () => void;
    meta.hold = new Promise((resolve) => {
      release = resolve;
    });
    const early = kms.describeKey(root(), KeyId);
    await new Promise((resolve) => setImmediate(resolve));
    meta.hold = undefined;
    expect((await ask('DisableKey', { KeyId })).status).toBe(200);
    release();
    await early;
    const late = kms.generateDataKey(root(), { keyId: KeyId, context: {} });
    await expect(late).rejects.toThrow(expect.objectContaining({ code: 'DisabledException' }));
  });

  test('forgets a key whose write may or may not have happened', async () => {
    const meta = new UncertainStore();
    const { kms, ask, createKey } = makeKms(meta);
    const { KeyId } = await createKey();
    await kms.generateDataKey(root(), { keyId: KeyId, context: {} });
    meta.uncertain = true;
    await ask('DisableKey', { KeyId }).catch(() => undefined);
    const late = kms.generateDataKey(root(), { keyId: KeyId, context: {} });
    await expect(late).rejects.toThrow(expect.objectContaining({ code: 'DisabledException' }));
  });
});

describe('wrong input', () => {
  test('DryRun does nothing', async () => {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey();
    const { CiphertextBlob } = (await ask('Encrypt', { KeyId, Plaintext: PLAINTEXT })).json;
    const inputs: Record<string, object> = {
      Encrypt: { KeyId, Plaintext: PLAINTEXT },
      Decrypt: { CiphertextBlob },
      ReEncrypt: { CiphertextBlob, DestinationKeyId: KeyId },
      GenerateDataKey: { KeyId, KeySpec: 'AES_256' },
      GenerateDataKeyWithoutPlaintext: { KeyId, KeySpec: 'AES_256' },
    };
    for (const [name, input] of Object.entries(inputs)) {
      const { status, json } = await ask(name, { ...input, DryRun: true });
      expect([name, status, json]).toEqual([
        name,
        400,
        {
          __type: 'DryRunOperationException',
          message: 'The request would have succeeded, but the DryRun option is set.',
        },
      ]);
    }
  });

  test('a policy that no row can hold is refused', async () => {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey();
    const statement = { Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' };
    for (const bytes of [33_000, 60_000, 120_000]) {
      const Policy = JSON.stringify({ Version: '2012-10-17', Id: 'x'.repeat(bytes), Statement: [statement] });
      for (const [action, input] of [
        ['PutKeyPolicy', { KeyId, Policy }],
        ['CreateKey', { Policy }],
      ] as const) {
        expect((await ask(action, input)).json.__type).toBe('LimitExceededException');
      }
    }
  });

  test('members of other types than theirs are refused, not stumbled over', async () => {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey();
    for (const Tags of [[null], ['x'], [1], [[]], [{ TagKey: 1, TagValue: {} }]]) {
      expect((await ask('TagResource', { KeyId, Tags })).json.__type).toMatch(/Serialization|Validation/);
    }
    expect((await ask('UntagResource', { KeyId, TagKeys: [{}] })).json.__type).toBe('SerializationException');
    expect((await ask('Encrypt', { KeyId, Plaintext: '*&^%' })).json.__type).toBe('SerializationException');
  });

  test('text outside the patterns of the API model is refused', async () => {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey();
    const alias = await ask('CreateAlias', { AliasName: 'alias/ä', TargetKeyId: KeyId });
    expect(alias.json.message).toBe(
      "1 validation error detected: Value 'alias/ä' at 'aliasName' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$",
    );
    const Policy = JSON.stringify({ Version: '2012-10-17', Id: '\u{1f600}', Statement: [] });
    expect((await ask('PutKeyPolicy', { KeyId, Policy })).json.__type).toBe('ValidationException');
  });

  test('CreateKey names the specs and usages as AWS does', async () => {
    const { ask } = makeKms();
    expect((await ask('CreateKey', { KeySpec: 'HMAC_random' })).json.message).toBe(
      "1 validation error detected: Value 'HMAC_random' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [RSA_2048, ECC_NIST_P384, ECC_NIST_P256, ECC_NIST_P521, HMAC_384, RSA_3072, ECC_SECG_P256K1, RSA_4096, SYMMETRIC_DEFAULT, HMAC_256, HMAC_224, HMAC_512]",
    );
    expect((await ask('CreateKey', { KeyUsage: 'RANDOM', KeySpec: 'HMAC_256' })).json.message).toContain(
      'enum value set: [ENCRYPT_DECRYPT, SIGN_VERIFY, GENERATE_VERIFY_MAC]',
    );
    expect((await ask('CreateKey', { KeySpec: 'HMAC_256' })).json.message).toBe(
      'You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.',
    );
  });
});

describe('aliases', () => {
  test('need the permission on the alias besides that on the key', async () => {
    const { ask, createKey } = makeKms();
    const { KeyId, Arn } = await createKey();
    const { parseIdentityPolicy } = await import('../../src/policy/parse.js');
    const Statement = [{ Effect: 'Allow', Action: 'kms:CreateAlias', Resource: Arn }];
    const alice = who({
      kind: 'user',
      arn: 'arn:aws:iam::111111111111:user/alice',
      policies: [parseIdentityPolicy({ Version: '2012-10-17', Statement })],
    });
    const { json } = await ask('CreateAlias', { AliasName: 'alias/app', TargetKeyId: KeyId }, alice);
    expect(json.__type).toBe('AccessDeniedException');
    expect((await ask('ListAliases')).json.Aliases).toEqual([]);
  });

  test('are deleted for nobody who is anonymous', async () => {
    const { ask } = makeKms();
    const { json } = await ask('DeleteAlias', { AliasName: 'alias/app' }, who(ANONYMOUS));
    expect(json.__type).toBe('AccessDeniedException');
  });
});

test('a key policy for everyone means nobody who is anonymous', async () => {
  const { ask, createKey } = makeKms();
  const statement = { Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' };
  const { Arn } = await createKey({ Policy: JSON.stringify({ Version: '2012-10-17', Statement: [statement] }) });
  const describe = async (caller: Parameters<typeof who>[0]) =>
    (await ask('DescribeKey', { KeyId: Arn }, who(caller))).status;
  expect(await describe({ kind: 'user', arn: 'arn:aws:iam::111111111111:user/bob' })).toBe(200);
  expect(await describe(ANONYMOUS)).toBe(400);
});

test('a change of a key that was destroyed meanwhile answers that there is none', async () => {
  const meta = new MemoryMetaStore();
  const { ask, createKey, ring } = makeKms(meta);
  const { KeyId, Arn } = await createKey();
  await ask('DescribeKey', { KeyId });
  const removed = await makeKms(meta).ring.remove(
    (await ring.find(ACCOUNT, KeyId))!,
    () => true,
    (commit) => meta.commit(commit.build()),
    (primary) => primary,
  );
  expect(removed).toBe(true);
  expect(await ask('UpdateKeyDescription', { KeyId, Description: 'late' })).toMatchObject({
    status: 400,
    json: { __type: 'NotFoundException', message: `Key '${Arn}' does not exist` },
  });
});
