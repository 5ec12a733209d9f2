import type { Context } from '../context.js';
import { askKms, type KmsRequest } from '../sign-kms.js';
import { median } from '../table.js';

const CLIENTS = 32;
const FLOOR = 0.12;
const CONTEXT = { 'aws:s3:arn': 'arn:aws:s3:::bench/object' };

/** GenerateDataKey and Decrypt over HTTP, each authorized by the key's policy and recorded in the audit log. */
export async function kms(context: Context): Promise<void> {
  const { client, options } = context;
  const count = options.quick ? 1000 : 20_000;
  const empty = await context.emptyHttp();
  try {
    await context.withServer({ profile: true }, async ({ port }) => {
      const { KeyMetadata } = await askKms(port, { action: 'CreateKey', input: {} });
      const { KeyId } = KeyMetadata as { KeyId: string };
      const generate: KmsRequest = {
        action: 'GenerateDataKey',
        input: { KeyId, KeySpec: 'AES_256', EncryptionContext: CONTEXT },
      };
      const { CiphertextBlob } = await askKms(port, generate);
      const requests = [generate, { action: 'Decrypt', input: { CiphertextBlob, EncryptionContext: CONTEXT } }];
      const rate = async (to: number, request: KmsRequest): Promise<number> => {
        const done = await client.do({ port: to, clients: CLIENTS, targets: [], kms: { request, count } });
        return done.requests / done.seconds;
      };
      for (const request of requests) {
        const pairs: { top: number; own: number }[] = [];
        // A first round that doesn't count warms up.
        for (let round = options.quick ? 0 : -1; round < options.rounds; round++) {
          const top = await rate(empty.port, request);
          const own = await rate(port, request);
          if (round >= 0) pairs.push({ top, own });
        }
        context.add({
          row: `KMS ${request.action}, ${CLIENTS} clients`,
          unit: 'requests/s',
          measured: median(pairs.map(({ own }) => own)),
          against: { name: 'empty node:http', value: median(pairs.map(({ top }) => top)) },
          ratio: median(pairs.map(({ top, own }) => own / top)),
          floor: FLOOR,
        });
      }
    });
  } finally {
    empty.stop();
  }
}
