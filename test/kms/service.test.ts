import { describe, expect, test } from 'vitest';
import { ANONYMOUS } from '../../src/auth/ports.js';
import { encodeContext } from '../../src/encryption/context.js';
import { ACCOUNT, DAY_MS, makeKms, OTHER_ACCOUNT, REGION, root, user, viaS3, who } from './harness.js';

const allow = (Action: string | string[], Resource: string) => ({ Effect: 'Allow', Action, Resource });
const coded = (code: string) => expect.objectContaining({ name: 'KmsError', code });
const PLAINTEXT = Buffer.from('a secret').toString('base64');

describe('the store’s key service', () => {
  test('gives a data key that decrypt opens again, under each name of the key', async () => {
    const { kms, ask, createKey } = makeKms();
    const { KeyId, Arn } = await createKey();
    await ask('CreateAlias', { AliasName: 'alias/mine', TargetKeyId: KeyId });
    for (const keyId of [KeyId, Arn, 'alias/mine', `arn:aws:kms:${REGION}:${ACCOUNT}:alias/mine`]) {
      const context = { 'aws:s3:arn': 'arn:aws:s3:::b/k' };
      const made = await kms.generateDataKey(viaS3(root()), { keyId, context });
      expect(made.keyArn).toBe(Arn);
      expect(made.plaintext.length).toBe(32);
      expect(made.ciphertextBlob.includes(made.plaintext.expose())).toBe(false);
      const { ciphertextBlob } = made;
      const opened = await kms.decrypt(viaS3(root()), { ciphertextBlob, context, keyId: Arn });
      expect(opened.plaintext.expose()).toEqual(made.plaintext.expose());
    }
  });

  test('makes the AWS-managed key of S3 once per account, however many ask at once', async () => {
    const { kms } = makeKms();
    const make = (accountId: string) =>
      kms.generateDataKey(viaS3(root(accountId)), { keyId: 'alias/aws/s3', context: {} });
    const made = await Promise.all(Array.from({ length: 8 }, () => make(ACCOUNT)));
    expect(new Set(made.map(({ keyArn }) => keyArn)).size).toBe(1);
    expect((await make(OTHER_ACCOUNT)).keyArn).not.toBe(made[0]!.keyArn);
    expect(await kms.describeKey(root(), 'alias/aws/s3')).toMatchObject({ keyManager: 'AWS', accountId: ACCOUNT });
  });

  test('refuses to disable, delete, rotate or change an AWS-managed key', async () => {
    const { kms, ask } = makeKms();
    const { keyArn: KeyId } = await kms.generateDataKey(viaS3(root()), { keyId: 'alias/aws/s3', context: {} });
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [{ ...allow('kms:*', '*'), Principal: '*' }] });
    for (const action of ['DisableKey', 'ScheduleKeyDeletion', 'RotateKeyOnDemand', 'PutKeyPolicy']) {
      const { status, json } = await ask(action, { KeyId, ...(action === 'PutKeyPolicy' && { Policy }) });
      expect([action, status, json.__type]).toEqual([action, 400, 'AccessDeniedException']);
    }
  });

  test('describes a key without authorization, and answers as AWS where there is none', async () => {
    const { kms, createKey } = makeKms();
    const { KeyId, Arn } = await createKey();
    expect(await kms.describeKey(user(), KeyId)).toMatchObject({ keyArn: Arn, keyId: KeyId, keyState: 'Enabled' });
    await expect(kms.describeKey(root(), 'fake')).rejects.toThrow(coded('NotFoundException'));
  });
});

describe('state of a key', () => {
  test('disabled: refused at the next use, and back when enabled', async () => {
    const { kms, ask, createKey } = makeKms();
    const { KeyId, Arn } = await createKey();
    const { ciphertextBlob } = await kms.generateDataKey(root(), { keyId: KeyId, context: {} });
    await ask('DisableKey', { KeyId });
    const message = `${Arn} is disabled.`;
    const refusal = expect.objectContaining({ code: 'DisabledException', message });
    await expect(kms.generateDataKey(root(), { keyId: KeyId, context: {} })).rejects.toThrow(refusal);
    await expect(kms.decrypt(root(), { ciphertextBlob, context: {} })).rejects.toThrow(refusal);
    const action = 'kms:Decrypt' as const;
    await expect(kms.authorize(root(), { action, keyId: KeyId, context: {} })).rejects.toThrow(refusal);
    await ask('EnableKey', { KeyId });
    await kms.decrypt(root(), { ciphertextBlob, context: {} });
  });

  test('pending deletion: refused, disabled when cancelled, gone when its time has come', async () => {
    const { kms, ask, clock, createKey } = makeKms();
    const { KeyId, Arn } = await createKey();
    const { ciphertextBlob } = await kms.generateDataKey(root(), { keyId: KeyId, context: {} });
    const { json } = await ask('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 });
    expect(json).toMatchObject({ KeyId: Arn, KeyState: 'PendingDeletion', PendingWindowInDays: 7 });
    expect(json.DeletionDate).toBe((clock.now() + 7 * DAY_MS) / 1000);
    const pending = expect.objectContaining({
      code: 'KMSInvalidStateException',
      message: `${Arn} is pending deletion.`,
    });
    await expect(kms.decrypt(root(), { ciphertextBlob, context: {} })).rejects.toThrow(pending);
    await ask('CancelKeyDeletion', { KeyId });
    expect((await ask('DescribeKey', { KeyId })).json.KeyMetadata).toMatchObject({ KeyState: 'Disabled' });
    await ask('EnableKey', { KeyId });
    await kms.decrypt(root(), { ciphertextBlob, context: {} });
    await ask('ScheduleKeyDeletion', { KeyId });
    clock.advance(30 * DAY_MS - 1);
    expect((await ask('DescribeKey', { KeyId })).status).toBe(200);
    clock.advance(1);
    for (const action of ['DescribeKey', 'CancelKeyDeletion', 'EnableKey']) {
      expect((await ask(action, { KeyId })).json.__type).toBe('NotFoundException');
    }
    const decrypted = kms.decrypt(root(), { ciphertextBlob, context: {}, keyId: Arn });
    await expect(decrypted).rejects.toThrow(coded('NotFoundException'));
  });

  test('the waiting period is 7 to 30 days', async () => {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey();
    for (const PendingWindowInDays of [0, 6, 31]) {
      const { json } = await ask('ScheduleKeyDeletion', { KeyId, PendingWindowInDays });
      expect(json.__type).toBe('ValidationException');
    }
  });

  test('rotation keeps what was encrypted before readable', async () => {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey();
    const blobs: string[] = [];
    for (let i = 0; i < 5; i++) {
      blobs.push((await ask('Encrypt', { KeyId, Plaintext: PLAINTEXT })).json.CiphertextBlob);
      await ask('RotateKeyOnDemand', { KeyId });
    }
    const materials = new Set<string>();
    for (const CiphertextBlob of blobs) {
      const { json } = await ask('Decrypt', { CiphertextBlob });
      expect(json.Plaintext).toBe(PLAINTEXT);
      materials.add(json.KeyMaterialId);
    }
    expect(materials.size).toBe(5);
    const { Rotations } = (await ask('ListKeyRotations', { KeyId })).json;
    expect(Rotations.map((one: { KeyMaterialState: string }) => one.KeyMaterialState)).toEqual([
      ...Array(4).fill('NON_CURRENT'),
      'CURRENT',
    ]);
  });
});

describe('ciphertext', () => {
  test('opens under its own context alone, whatever the order of the pairs', async () => {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey();
    const contexts = [
      {},
      { a: 'bc' },
      { ab: 'c' },
      { A: 'bc' },
      { a: 'bc', d: '' },
      { '\u{ff5a}': '1', '\u{1f600}': '2' },
    ];
    const open = async (CiphertextBlob: string, EncryptionContext: object) =>
      (await ask('Decrypt', { CiphertextBlob, EncryptionContext })).json;
    for (const own of contexts) {
      const input = { KeyId, Plaintext: PLAINTEXT, EncryptionContext: own };
      const { CiphertextBlob } = (await ask('Encrypt', input)).json;
      for (const context of contexts) {
        const json = await open(CiphertextBlob, context);
        if (context === own) expect(json.Plaintext).toBe(PLAINTEXT);
        else expect(json.__type).toBe('InvalidCiphertextException');
      }
      const reversed = Object.fromEntries(Object.entries(own).reverse());
      expect((await open(CiphertextBlob, reversed)).Plaintext).toBe(PLAINTEXT);
    }
    // Own members alone make a context, `__proto__` among them.
    const odd = JSON.parse('{"__proto__":"x"}') as Record<string, string>;
    expect(encodeContext(odd)).not.toEqual(encodeContext({}));
  });

  test('opens with no byte changed', async () => {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey();
    const blob = Buffer.from((await ask('Encrypt', { KeyId, Plaintext: PLAINTEXT })).json.CiphertextBlob, 'base64');
    let tried = 0;
    for (let i = 0; i < blob.length; i++) {
      const changed = Buffer.from(blob);
      changed[i]! ^= 1;
      const { json } = await ask('Decrypt', { CiphertextBlob: changed.toString('base64') });
      // The key's id is bytes 1 to 16: another one is of a key that isn't there.
      expect(json.__type).toBe(i >= 1 && i <= 16 ? 'AccessDeniedException' : 'InvalidCiphertextException');
      tried++;
    }
    expect(tried).toBe(blob.length);
    for (const bytes of [blob.subarray(0, 40), blob.subarray(0, -1), Buffer.concat([blob, Buffer.of(0)])]) {
      const { json } = await ask('Decrypt', { CiphertextBlob: bytes.toString('base64') });
      expect(json.__type).toBe('InvalidCiphertextException');
    }
  });

  test('moves to another key by ReEncrypt', async () => {
    const { ask, createKey } = makeKms();
    const [one, two] = [await createKey(), await createKey()];
    const { CiphertextBlob } = (await ask('Encrypt', { KeyId: one.KeyId, Plaintext: PLAINTEXT })).json;
    const destination = { DestinationKeyId: two.KeyId, DestinationEncryptionContext: { a: 'b' } };
    const moved = (await ask('ReEncrypt', { CiphertextBlob, ...destination })).json;
    expect(moved).toMatchObject({ SourceKeyId: one.Arn, KeyId: two.Arn });
    const input = { CiphertextBlob: moved.CiphertextBlob, EncryptionContext: { a: 'b' } };
    expect((await ask('Decrypt', input)).json).toMatchObject({ KeyId: two.Arn, Plaintext: PLAINTEXT });
  });
});

const closedTo = ({ caller }: ReturnType<typeof who>, action = 'kms:Decrypt') => ({
  __type: 'AccessDeniedException',
  message: `User: ${caller.arn || 'anonymous'} is not authorized to perform: ${action} on the resource associated with this ciphertext because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access`,
});

describe('authorization', () => {
  test('an identity policy decides for a user, action by action and key by key', async () => {
    const { ask, kms, createKey } = makeKms();
    const [one, two] = [await createKey(), await createKey()];
    const alice = user([allow('kms:GenerateDataKey', one.Arn)]);
    await kms.generateDataKey(alice, { keyId: one.KeyId, context: {} });
    const { ciphertextBlob } = await kms.generateDataKey(root(), { keyId: one.KeyId, context: {} });
    const decrypted = kms.decrypt(alice, { ciphertextBlob, context: {} });
    await expect(decrypted).rejects.toThrow(
      expect.objectContaining({
        code: 'AccessDeniedException',
        message: `User: ${alice.caller.arn} is not authorized to perform: kms:Decrypt on resource: ${one.Arn} because no identity-based policy allows the kms:Decrypt action`,
      }),
    );
    const other = kms.generateDataKey(alice, { keyId: two.KeyId, context: {} });
    await expect(other).rejects.toThrow(coded('AccessDeniedException'));
    expect((await ask('CreateKey', {}, alice)).json.__type).toBe('AccessDeniedException');
  });

  test('an explicit deny wins', async () => {
    const { kms, createKey } = makeKms();
    const { KeyId, Arn } = await createKey();
    const alice = user([allow('kms:*', '*'), { ...allow('kms:Decrypt', Arn), Effect: 'Deny' }]);
    const { ciphertextBlob } = await kms.generateDataKey(alice, { keyId: KeyId, context: {} });
    const opened = kms.decrypt(alice, { ciphertextBlob, context: {} });
    await expect(opened).rejects.toThrow(coded('AccessDeniedException'));
  });

  test('nobody reaches another account’s key, and nobody is told what there is', async () => {
    const { ask, kms, createKey } = makeKms();
    const { KeyId, Arn } = await createKey();
    const { ciphertextBlob } = await kms.generateDataKey(root(), { keyId: KeyId, context: {} });
    for (const stranger of [root(OTHER_ACCOUNT), user([allow('kms:*', '*')], OTHER_ACCOUNT), who(ANONYMOUS)]) {
      for (const keyId of [KeyId, Arn]) {
        const made = kms.generateDataKey(stranger, { keyId, context: {} });
        await expect(made).rejects.toThrow(
          expect.objectContaining({ code: expect.stringMatching(/AccessDenied|NotFound/) }),
        );
        const opened = kms.decrypt(stranger, { ciphertextBlob, context: {}, keyId });
        await expect(opened).rejects.toThrow(
          expect.objectContaining({ code: expect.stringMatching(/AccessDenied|NotFound/) }),
        );
      }
      const { json } = await ask('Decrypt', { CiphertextBlob: ciphertextBlob.toString('base64') }, stranger);
      expect(json.Plaintext).toBeUndefined();
    }
    expect((await ask('ListKeys', {}, root(OTHER_ACCOUNT))).json.Keys).toEqual([]);
  });

  test('a ciphertext of another account’s key is decrypted without its name where both sides allow it', async () => {
    const { ask, audit, createKey } = makeKms();
    const { KeyId, Arn } = await createKey();
    const CiphertextBlob = (await ask('Encrypt', { KeyId, Plaintext: 'eA==' })).json.CiphertextBlob;
    const bob = user([allow('kms:*', '*')], OTHER_ACCOUNT);
    const nobodys = Buffer.from(CiphertextBlob, 'base64');
    nobodys[1]! ^= 1;
    const strangers = [bob, user([], OTHER_ACCOUNT), root(OTHER_ACCOUNT), who(ANONYMOUS)];
    for (const stranger of strangers) {
      const refused = await ask('Decrypt', { CiphertextBlob }, stranger);
      expect(refused.json).toEqual(closedTo(stranger));
      // As of a key that nobody has.
      expect(await ask('Decrypt', { CiphertextBlob: nobodys.toString('base64') }, stranger)).toEqual(refused);
      const moved = { CiphertextBlob, DestinationKeyId: (await createKey()).Arn };
      expect((await ask('ReEncrypt', moved, stranger)).json.__type).toBe('AccessDeniedException');
    }
    const everyone = { ...allow('kms:Decrypt', '*'), Principal: { AWS: '*' } };
    const own = { ...allow('kms:*', '*'), Principal: { AWS: ACCOUNT } };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [own, everyone] });
    expect((await ask('PutKeyPolicy', { KeyId, Policy })).status).toBe(200);
    expect((await ask('Decrypt', { CiphertextBlob }, bob)).json).toMatchObject({ KeyId: Arn, Plaintext: 'eA==' });
    expect(audit.events.at(-1)).toMatchObject({ action: 'Decrypt', keyArn: Arn, result: 'Success' });
    for (const closed of [user([], OTHER_ACCOUNT), who(ANONYMOUS)]) {
      const refused = await ask('Decrypt', { CiphertextBlob }, closed);
      expect(refused.json).toEqual(closedTo(closed));
    }
    const bobs = (await ask('CreateKey', {}, bob)).json.KeyMetadata.KeyId;
    const moved = { CiphertextBlob: nobodys.toString('base64'), DestinationKeyId: bobs };
    expect((await ask('ReEncrypt', moved, bob)).json).toEqual(closedTo(bob, 'kms:ReEncryptFrom'));
    expect((await ask('ReEncrypt', { ...moved, CiphertextBlob }, bob)).json).toEqual(
      closedTo(bob, 'kms:ReEncryptFrom'),
    );
  });

  test('a key policy that no longer trusts the account shuts its users out', async () => {
    const { ask, kms, createKey } = makeKms();
    const { KeyId } = await createKey();
    const alice = user([allow('kms:*', '*')]);
    await kms.generateDataKey(alice, { keyId: KeyId, context: {} });
    const Principal = { AWS: `arn:aws:iam::${ACCOUNT}:user/bob` };
    const administer = { ...allow('kms:PutKeyPolicy', '*'), Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` } };
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ ...allow('kms:*', '*'), Principal }, administer],
    });
    expect((await ask('PutKeyPolicy', { KeyId, Policy })).status).toBe(200);
    const made = kms.generateDataKey(alice, { keyId: KeyId, context: {} });
    await expect(made).rejects.toThrow(coded('AccessDeniedException'));
    const malformed = await ask('PutKeyPolicy', { KeyId, Policy: '{"Statement":' });
    expect(malformed.json.__type).toBe('MalformedPolicyDocumentException');
  });
});

describe('protocol', () => {
  test('actions that are unknown', async () => {
    const { ask } = makeKms();
    expect(await ask('Nonsense')).toMatchObject({ status: 400, json: { __type: 'UnknownOperationException' } });
  });

  test('pages lead through everything once', async () => {
    const { ask, createKey } = makeKms();
    const made = new Set<string>();
    for (let i = 0; i < 7; i++) made.add((await createKey()).KeyId);
    const seen: string[] = [];
    for (let Marker: string | undefined, pages = 0; pages < 10; pages++) {
      const { json } = await ask('ListKeys', { Limit: 3, Marker });
      seen.push(...json.Keys.map((one: { KeyId: string }) => one.KeyId));
      Marker = json.NextMarker;
      if (!json.Truncated) break;
    }
    expect(seen).toHaveLength(7);
    expect(new Set(seen)).toEqual(made);
    expect((await ask('ListKeys', { Marker: '!' })).json.__type).toBe('InvalidMarkerException');
  });

  test('an alias names one key, moves, and goes', async () => {
    const { ask, createKey } = makeKms();
    const [one, two] = [await createKey(), await createKey()];
    const AliasName = 'alias/app';
    await ask('CreateAlias', { AliasName, TargetKeyId: one.KeyId });
    const again = await ask('CreateAlias', { AliasName, TargetKeyId: two.KeyId });
    expect(again.json.__type).toBe('AlreadyExistsException');
    await ask('UpdateAlias', { AliasName, TargetKeyId: two.KeyId });
    expect((await ask('DescribeKey', { KeyId: AliasName })).json.KeyMetadata.KeyId).toBe(two.KeyId);
    await ask('DeleteAlias', { AliasName });
    expect((await ask('DescribeKey', { KeyId: AliasName })).json).toMatchObject({
      __type: 'NotFoundException',
      message: `Alias arn:aws:kms:${REGION}:${ACCOUNT}:alias/app is not found.`,
    });
  });

  test('nothing of a key lies in the store in clear', async () => {
    const { ask, meta } = makeKms();
    await ask('CreateKey', { Description: 'a telling description', Tags: [{ TagKey: 'team', TagValue: 'telling' }] });
    const rows = await meta.range({ gte: Buffer.of(0), lt: Buffer.of(0xff), limit: 100 });
    expect(rows.length).toBeGreaterThan(0);
    for (const { value } of rows) expect(value.includes('telling')).toBe(false);
  });
});
