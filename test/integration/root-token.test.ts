import { chmod, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateKeyCommand, DescribeKeyCommand, ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { coffer } from '../support/cli.js';
import { lacking } from '../support/cloudhsm.js';
import { PIN, TokenFolder, uriOf } from '../support/root-token.js';
import { failedStart, startServer, type TestServer } from '../support/server.js';

const BODY = 'in a token’s care';

describe.skipIf(lacking)(`a root key in a token${lacking ? ` (left out: ${lacking})` : ''}`, () => {
  let dir: string;
  let folder: TokenFolder;
  let pinFile: string;
  let env: Record<string, string>;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'coffer-root-token-'));
    folder = await TokenFolder.make(join(dir, 'softhsm'));
    folder.addKeys({ label: 'next', id: '02' });
    pinFile = join(dir, 'pin');
    await writeFile(pinFile, `${PIN}\n`);
    env = { ...folder.env, COFFER_ROOT_KEY_PKCS11: uriOf(), COFFER_ROOT_KEY_PKCS11_PIN_FILE: pinFile };
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  const put = (server: TestServer, Key: string, SSEKMSKeyId?: string) =>
    server.s3().send(
      new PutObjectCommand({
        ...{ Bucket: 'kept', Key, Body: BODY },
        ...(SSEKMSKeyId && { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId }),
      }),
    );
  const get = async (server: TestServer, Key: string) =>
    (await server.s3().send(new GetObjectCommand({ Bucket: 'kept', Key }))).Body!.transformToString();
  const home = () => join(dir, 'config', 'coffer');
  const texts = async () =>
    Promise.all((await readdir(home())).map((name) => readFile(join(home(), name), 'latin1'))).then((all) =>
      all.join(),
    );

  // One store, from test to test: each start of a process is a second on a busy machine.
  test('serves, restarts and runs commands; what it destroys is in no copy of all files; it rotates to and fro', async () => {
    const first = await startServer({ dir, env });
    expect(first.output()).toContain(`root key     in the token ${uriOf()}`);
    // The PIN file is open to others: said, as of other secret files.
    expect(first.output()).toContain('chmod 600 it');
    await first.s3().send(new CreateBucketCommand({ Bucket: 'kept' }));
    const makeKey = async () => (await first.kms().send(new CreateKeyCommand({}))).KeyMetadata!.KeyId!;
    const [doomed, survivor] = [await makeKey(), await makeKey()];
    await put(first, 'plain');
    await put(first, 'doomed', doomed);
    await put(first, 'survivor', survivor);
    const environ = await readFile(`/proc/${first.pid}/environ`, 'latin1');
    expect(await first.end('SIGTERM')).toBe(0);
    expect(first.output() + environ + (await texts())).not.toContain(PIN);
    expect((await readdir(home())).map((name) => name.slice(name.indexOf('.'))).sort()).toEqual([
      '.audit',
      '.keystore',
      '.store',
      '.token',
    ]);

    await chmod(pinFile, 0o600);
    for (const words of [
      ['store', 'status'],
      ['audit', 'verify'],
      ['key', 'impact', survivor],
    ]) {
      const { status, stderr } = await coffer(dir, words, env);
      expect([words, status, stderr]).toEqual([words, 0, '']);
    }
    for (const name of ['config', 'data']) await cp(join(dir, name), join(dir, 'backup', name), { recursive: true });

    const second = await startServer({ dir, env: { ...env, COFFER_DAY_SECONDS: '1' } });
    expect(second.output()).not.toContain('chmod');
    await second.kms().send(new ScheduleKeyDeletionCommand({ KeyId: doomed, PendingWindowInDays: 7 }));
    const described = () => second.kms().send(new DescribeKeyCommand({ KeyId: doomed }));
    await expect
      .poll(() =>
        described().then(
          () => 'there',
          (error: Error) => error.name,
        ),
      )
      .toBe('NotFoundException');
    await expect.poll(() => second.output()).toContain('KMS key material was destroyed');
    expect([await get(second, 'plain'), await get(second, 'survivor')]).toEqual([BODY, BODY]);
    await expect(get(second, 'doomed')).rejects.toThrow();
    expect(await second.end('SIGTERM')).toBe(0);
    expect(folder.destructionKeys()).toHaveLength(1);

    // All files of before, and the token as it is now.
    const restored = await failedStart(join(dir, 'backup'), env);
    expect(restored).toMatchObject({
      code: 1,
      output: expect.stringMatching(/^coffer: the destruction key of .* is in the token no more/m),
    });

    const wrong = join(dir, 'wrong-pin');
    await writeFile(wrong, 'not-the-pin', { mode: 0o600 });
    const refused = await failedStart(dir, { ...env, COFFER_ROOT_KEY_PKCS11_PIN_FILE: wrong });
    expect(refused).toMatchObject({ code: 1, output: expect.stringMatching(/^coffer: .*the PIN is wrong.*\n$/) });
    expect(refused.output).not.toContain('not-the-pin');

    const next = { ...env, COFFER_ROOT_KEY_PKCS11: uriOf('object=next') };
    const rotate = async (settings: Record<string, string>, ...words: string[]) => {
      const { status, stdout, stderr } = await coffer(dir, ['root-key', 'rotate', '--yes', ...words], settings);
      expect([status, stdout + stderr]).toEqual([0, expect.stringContaining('the root key is rotated')]);
    };
    await rotate(env, '--to-pkcs11', uriOf('object=next'));
    const third = await startServer({ dir, env: next });
    expect([await get(third, 'plain'), await get(third, 'survivor')]).toEqual([BODY, BODY]);
    expect(await third.end('SIGTERM')).toBe(0);
    const file = join(dir, 'root.key');
    await rotate(next, '--to-file', file);
    await rotate(
      { ...folder.env, COFFER_ROOT_KEY_FILE: file, COFFER_NEW_ROOT_KEY_PKCS11_PIN_FILE: pinFile },
      ...['--to-pkcs11', uriOf()],
    );
    const last = await startServer({ dir, env });
    expect([await get(last, 'plain'), await get(last, 'survivor')]).toEqual([BODY, BODY]);
    await last.end('SIGTERM');
    const verified = await coffer(dir, ['audit', 'verify'], env);
    expect(verified.status).toBe(0);
  });
});
