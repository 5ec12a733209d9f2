import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { failedStart, startServer, type TestServer } from '../support/server.js';

let top: string;
beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), 'coffer-destroy-'));
});
afterEach(() => rm(top, { recursive: true, force: true }));

const PLAINTEXT = Buffer.from('a secret');
const Bucket = 'kept';
/** The data directory, the key-store file, the root key file (or salt file): each of today, or of before. */
type When = 'today' | 'before';

async function opened(server: TestServer, CiphertextBlob: Uint8Array, Key: string): Promise<string[]> {
  const [kms, s3] = [server.kms(), server.s3()];
  const outcome = (answer: Promise<string>) => answer.catch((error: Error) => error.name);
  return Promise.all([
    outcome(kms.send(new DecryptCommand({ CiphertextBlob })).then((json) => Buffer.from(json.Plaintext!).toString())),
    outcome(s3.send(new GetObjectCommand({ Bucket, Key })).then(({ Body }) => Body!.transformToString())),
  ]);
}

const OPEN = [PLAINTEXT.toString(), PLAINTEXT.toString()];

test.each([
  ['key', {}],
  ['salt', { COFFER_ROOT_KEY_PASSPHRASE: 'correct horse' }],
])(
  'an old copy of the data and the old key-store file with today’s .%s file open nothing of a destroyed key',
  async (kind, more) => {
    const env = { COFFER_DAY_SECONDS: '1', ...more };
    const dirOf = (when: When) => join(top, when);
    const first = await startServer({ dir: dirOf('today'), env });
    await first.s3().send(new CreateBucketCommand({ Bucket }));
    const made: Record<string, { KeyId: string; blob: Uint8Array }> = {};
    for (const name of ['doomed', 'survivor']) {
      const { KeyId } = (await first.kms().send(new CreateKeyCommand({}))).KeyMetadata!;
      const encrypted = await first.kms().send(new EncryptCommand({ KeyId, Plaintext: PLAINTEXT }));
      const kms = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KeyId } as const;
      await first.s3().send(new PutObjectCommand({ Bucket, Key: name, Body: PLAINTEXT, ...kms }));
      made[name] = { KeyId: KeyId!, blob: encrypted.CiphertextBlob! };
    }
    const [doomed, survivor] = [made.doomed!, made.survivor!];
    expect(await first.end('SIGTERM')).toBe(0);
    await cp(dirOf('today'), dirOf('before'), { recursive: true });

    const second = await startServer({ dir: dirOf('today'), env });
    expect(await opened(second, doomed.blob, 'doomed')).toEqual(OPEN);
    const scheduled = new ScheduleKeyDeletionCommand({ KeyId: doomed.KeyId, PendingWindowInDays: 7 });
    await second.kms().send(scheduled);
    // Seven days of one second each.
    const told = /KMS key material was destroyed: back up (\S+) and (\S+) again/;
    await expect.poll(() => second.output(), { timeout: 20_000, interval: 200 }).toMatch(told);
    await expect(second.kms().send(new DescribeKeyCommand({ KeyId: doomed.KeyId }))).rejects.toThrow(/does not exist/);
    expect(await opened(second, survivor.blob, 'survivor')).toEqual(OPEN);
    expect(await second.end('SIGTERM')).toBe(0);

    const home = (when: When) => join(dirOf(when), 'config', 'coffer');
    const nameOf = async (suffix: string) => (await readdir(home('today'))).find((name) => name.endsWith(suffix))!;
    const [root, keyStore] = [await nameOf(`.${kind}`), await nameOf('.keystore')];
    expect(told.exec(second.output())!.slice(1)).toEqual([root, keyStore].map((name) => join(home('today'), name)));
    for (const when of ['before', 'today'] as const) {
      const words = (await readFile(join(home(when), root), 'latin1')).split(/\s/);
      expect(words.filter((word) => word.length === 44)).toHaveLength(2);
      for (const secret of [words[1]!, words[3]!]) expect(second.output()).not.toContain(secret);
    }

    let starts = 0;
    const mixed = async (data: When, keyStoreOf: When, rootOf: When): Promise<string> => {
      const dir = join(top, `start ${++starts}`);
      await cp(dirOf(data), dir, { recursive: true });
      const files = [
        [keyStoreOf, keyStore],
        [rootOf, root],
      ] as const;
      for (const [when, name] of files) await cp(join(home(when), name), join(dir, 'config', 'coffer', name));
      return dir;
    };
    const refused = {
      code: 1,
      output: expect.stringMatching(/key-store key \S.* is damaged or belongs to another root key/),
    };
    for (const data of ['before', 'today'] as const) {
      expect(await failedStart(await mixed(data, 'before', 'today'), env), data).toMatchObject(refused);
      expect(await failedStart(await mixed(data, 'today', 'before'), env), data).toMatchObject(refused);
    }
    const today = await startServer({ dir: await mixed('today', 'today', 'today'), env });
    expect(await opened(today, survivor.blob, 'survivor')).toEqual(OPEN);
    expect(await opened(today, doomed.blob, 'doomed')).toEqual(['AccessDeniedException', 'KMS.NotFoundException']);
    await today.close();
    // In the old data the key is there, and its backing key doesn't open.
    const oldData = await startServer({ dir: await mixed('before', 'today', 'today'), env });
    const outcomes = await opened(oldData, doomed.blob, 'doomed');
    expect(outcomes).toHaveLength(2);
    for (const outcome of outcomes) expect(outcome).toMatch(/^KMSInternal|^InternalError|^Internal/);
    await oldData.close();
    // All of one time is a backup (FMT-DESTROY-2).
    const backup = await startServer({ dir: await mixed('before', 'before', 'before'), env });
    expect(await opened(backup, doomed.blob, 'doomed')).toEqual(OPEN);
    await backup.close();
    expect(starts).toBe(7);
  },
  90_000,
);
