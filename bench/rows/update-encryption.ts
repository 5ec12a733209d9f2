import type { Context } from '../context.js';
import { bucketOf } from '../modes.js';
import { type Target, withText } from '../presign.js';
import { askKms } from '../sign-kms.js';
import { median } from '../table.js';

const MODE = 'SSE-S3';
const KiB = 1024;
const GiB = 1024 * 1024 * KiB;
/** The same time, as exactly as a machine that does other things can tell. */
const FLOOR = 0.8;

/** UpdateObjectEncryption wraps a key anew and touches no body: a large object takes as long as a small one. */
export async function updateEncryption(context: Context): Promise<void> {
  const { client, options } = context;
  const count = options.quick ? 50 : 500;
  const largeBytes = options.quick ? GiB / 16 : GiB;
  await context.withServer({ profile: true }, async ({ port }) => {
    await context.makeBuckets(port);
    const path = (name: string): string => `/${bucketOf(MODE)}/${name}`;
    for (const [name, bodyBytes] of [
      ['small', KiB],
      ['large', largeBytes],
    ] as const)
      await client.do({ port, clients: 1, targets: [{ method: 'PUT', path: path(name) }], bodyBytes });
    const keys = await Promise.all([newKey(port), newKey(port)]);
    const rate = async (name: string): Promise<number> => {
      const targets = Array.from({ length: count }, (_, i) => update(path(name), keys[i % keys.length]!));
      return count / (await client.do({ port, clients: 1, targets })).seconds;
    };
    const pairs: { small: number; large: number }[] = [];
    for (let round = options.quick ? 0 : -1; round < options.rounds; round++) {
      const small = await rate('small');
      const large = await rate('large');
      if (round >= 0) pairs.push({ small, large });
    }
    context.add({
      row: `UpdateObjectEncryption of ${largeBytes / 1024 / KiB} MiB`,
      unit: 'requests/s',
      measured: median(pairs.map(({ large }) => large)),
      against: { name: 'of 1 KiB', value: median(pairs.map(({ small }) => small)) },
      ratio: median(pairs.map(({ small, large }) => large / small)),
      floor: FLOOR,
    });
  });
}

async function newKey(port: number): Promise<string> {
  const { KeyMetadata } = await askKms(port, { action: 'CreateKey', input: {} });
  return (KeyMetadata as { Arn: string }).Arn;
}

const update = (path: string, keyArn: string): Target =>
  withText(
    { method: 'PUT', path, query: { encryption: '' } },
    `<ObjectEncryption><SSE-KMS><KMSKeyArn>${keyArn}</KMSKeyArn></SSE-KMS></ObjectEncryption>`,
  );
