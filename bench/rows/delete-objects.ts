import { compare } from '../compare.js';
import type { Context } from '../context.js';
import { bucketOf, headersOf } from '../modes.js';
import { withText } from '../presign.js';

const KEYS = 1000;
const FILL_CLIENTS = 32;
/** As a deletion commits: the object's row goes, and a dead row that names its body comes. */
const DEAD_ROW_BYTES = 250;

/** DeleteObjects of 1,000 keys, as one request; the ceiling commits as much, as many at once as it likes. */
export async function deleteObjects(context: Context): Promise<void> {
  const { client, ceilings, options } = context;
  const requests = options.quick ? 1 : 5;
  const directory = await context.temporary('meta');
  await context.withServer({ profile: true }, async ({ port }) => {
    await context.makeBuckets(port);
    await compare(context, {
      row: `DeleteObjects of ${KEYS.toLocaleString('en')} keys`,
      unit: 'keys/s',
      ceiling: {
        name: 'bare grouped synced commits',
        measure: () =>
          ceilings.do({
            kind: 'commits',
            directory,
            clients: FILL_CLIENTS,
            count: requests * KEYS,
            recordBytes: DEAD_ROW_BYTES,
            bodyBytes: 0,
          }),
      },
      async measure(mode, round) {
        const path = `/${bucketOf(mode)}`;
        const name = (i: number): string => `delete/${round}/${i}`;
        const puts = Array.from({ length: requests * KEYS }, (_, i) => ({
          method: 'PUT',
          path: `${path}/${name(i)}`,
          headers: headersOf(mode),
        }));
        await client.do({ port, clients: FILL_CLIENTS, targets: puts, bodyBytes: 1024 });
        const targets = Array.from({ length: requests }, (_, request) => {
          const keys = Array.from(
            { length: KEYS },
            (_, i) => `<Object><Key>${name(request * KEYS + i)}</Key></Object>`,
          );
          return withText({ method: 'POST', path, query: { delete: '' } }, `<Delete>${keys.join('')}</Delete>`);
        });
        const { seconds, receivedBytes } = await client.do({ port, clients: 1, targets });
        // An answer that names an error names a code.
        if (receivedBytes < requests * KEYS * 20) throw new Error('the answers are too short to name every key');
        return (requests * KEYS) / seconds;
      },
      floor: 0,
      floorFor: [],
    });
  });
}
