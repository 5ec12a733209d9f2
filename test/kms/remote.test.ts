import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KMSClient } from '@aws-sdk/client-kms';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ANONYMOUS } from '../../src/auth/ports.js';
import { ManualClock } from '../../src/base/clock.js';
import { RemoteKeyService } from '../../src/kms/remote.js';
import { ACCOUNT, makeKms, root, user, viaS3, who } from './harness.js';

/** A KMS behind HTTP that takes every signature, as what the gateway's own credentials may do. */
describe('a remote key service', () => {
  let server: Server;
  let remote: RemoteKeyService;
  let clock: ManualClock;
  let backend: ReturnType<typeof makeKms>;
  let targets: string[];
  let failWith: number | undefined;

  beforeEach(async () => {
    backend = makeKms();
    clock = new ManualClock(0);
    targets = [];
    failWith = undefined;
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', async () => {
        const target = String(request.headers['x-amz-target']);
        targets.push(target.replace('TrentService.', ''));
        const answer = failWith
          ? { status: failWith, json: { __type: 'KMSInternalException' } }
          : await backend.kms.dispatch(target, Buffer.concat(chunks), root());
        response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.1' });
        response.end(JSON.stringify(answer.json));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const credentials = { accessKeyId: 'AKIATEST', secretAccessKey: 'secretsecret' };
    const client = new KMSClient({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
    remote = new RemoteKeyService(endpoint, 'us-east-1', clock, client);
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  test('gives and opens data keys, and binds the context', async () => {
    const { KeyId, Arn } = await backend.createKey();
    const context = { 'aws:s3:arn': 'arn:aws:s3:::b/k' };
    const made = await remote.generateDataKey(root(), { keyId: KeyId, context });
    expect(made.keyArn).toBe(Arn);
    const { ciphertextBlob } = made;
    const opened = await remote.decrypt(root(), { ciphertextBlob, context, keyId: Arn });
    expect(opened.plaintext.expose()).toEqual(made.plaintext.expose());
    const wrong = remote.decrypt(root(), { ciphertextBlob, context: {}, keyId: Arn });
    await expect(wrong).rejects.toThrow(expect.objectContaining({ code: 'InvalidCiphertextException' }));
  });

  test('asks the caller’s identity policy before the remote service is used', async () => {
    const { KeyId, Arn } = await backend.createKey();
    const alice = user([{ Effect: 'Allow', Action: 'kms:GenerateDataKey', Resource: Arn }]);
    const { ciphertextBlob } = await remote.generateDataKey(alice, { keyId: KeyId, context: {} });
    targets.length = 0;
    const denied = expect.objectContaining({ code: 'AccessDeniedException' });
    await expect(remote.decrypt(alice, { ciphertextBlob, context: {}, keyId: Arn })).rejects.toThrow(denied);
    const nobody = remote.generateDataKey(who(ANONYMOUS), { keyId: KeyId, context: {} });
    await expect(nobody).rejects.toThrow(denied);
    expect(targets.filter((target) => target !== 'DescribeKey')).toEqual([]);
  });

  test('weighs the conditions of an identity policy by the request’s context, service and time', async () => {
    const { KeyId, Arn } = await backend.createKey();
    const context = { tenant: 'b' };
    const { ciphertextBlob } = await remote.generateDataKey(root(), { keyId: KeyId, context });
    const all = { Effect: 'Allow', Action: 'kms:*', Resource: '*' };
    const conditions = [
      { StringEquals: { 'kms:EncryptionContext:tenant': 'b' } },
      { 'ForAnyValue:StringEquals': { 'kms:EncryptionContextKeys': 'tenant' } },
      { StringEquals: { 'kms:ViaService': 's3.us-east-1.amazonaws.com' } },
      { StringEquals: { 'kms:EncryptionAlgorithm': 'SYMMETRIC_DEFAULT' } },
      { StringEquals: { 'aws:RequestedRegion': 'us-east-1' } },
      { StringEquals: { 'aws:ResourceAccount': ACCOUNT } },
      { DateLessThan: { 'aws:CurrentTime': '1970-01-02T00:00:00Z' } },
    ];
    const denied = expect.objectContaining({ code: 'AccessDeniedException' });
    for (const Condition of conditions) {
      const refused = viaS3(user([all, { ...all, Effect: 'Deny', Condition }]));
      const allowed = viaS3(user([{ ...all, Condition }]));
      const opened = { ciphertextBlob, context };
      for (const keyId of [Arn, undefined]) {
        const request = { ...opened, ...(keyId && { keyId }) };
        await expect(remote.decrypt(refused, request), JSON.stringify(Condition)).rejects.toThrow(denied);
        expect((await remote.decrypt(allowed, request)).keyArn).toBe(Arn);
      }
      await expect(remote.generateDataKey(refused, { keyId: Arn, context })).rejects.toThrow(denied);
      const used = { action: 'kms:Decrypt', keyId: Arn, context } as const;
      await expect(remote.authorize(refused, used)).rejects.toThrow(denied);
      expect(await remote.authorize(allowed, used)).toMatchObject({ keyArn: Arn });
    }
    expect(conditions).toHaveLength(7);
  });

  test('hands nothing on of a ciphertext whose key the caller may not use, also where the key isn’t named', async () => {
    const { KeyId, Arn } = await backend.createKey();
    const { ciphertextBlob } = await remote.generateDataKey(root(), { keyId: KeyId, context: {} });
    const denied = expect.objectContaining({ code: 'AccessDeniedException' });
    const request = { ciphertextBlob, context: {} };
    await expect(remote.decrypt(user(), request)).rejects.toThrow(denied);
    targets.length = 0;
    await expect(remote.decrypt(who(ANONYMOUS), request)).rejects.toThrow(denied);
    expect(targets).toEqual([]);
    expect((await remote.decrypt(root(), request)).keyArn).toBe(Arn);
  });

  test('passes on what the service says of a key, and sees a disabled key soon', async () => {
    const { KeyId, Arn } = await backend.createKey();
    const request = { action: 'kms:Decrypt' as const, keyId: Arn, context: {} };
    expect(await remote.authorize(root(), request)).toMatchObject({ keyArn: Arn });
    await backend.ask('DisableKey', { KeyId });
    const disabled = expect.objectContaining({ code: 'DisabledException', message: `${Arn} is disabled.` });
    const made = remote.generateDataKey(root(), { keyId: Arn, context: {} });
    await expect(made).rejects.toThrow(disabled);
    clock.advance(2_001);
    await expect(remote.authorize(root(), request)).rejects.toThrow(disabled);
    const absent = remote.describeKey(root(), 'fake');
    await expect(absent).rejects.toThrow(expect.objectContaining({ code: 'NotFoundException' }));
  });

  test('a service that fails is an error of the service, without its words', async () => {
    const { Arn } = await backend.createKey();
    failWith = 500;
    const made = remote.generateDataKey(root(), { keyId: Arn, context: {} });
    await expect(made).rejects.toThrow(expect.objectContaining({ name: 'KmsError', statusCode: 503 }));
  });
});
