import type { Context } from '../context.js';
import { authorityOf, type Endpoint, endpointOf } from '../endpoint.js';
import type { Mode } from '../modes.js';
import { CREDENTIALS, REGION } from '../presign.js';
import { median } from '../table.js';
import { Contestant } from './contestant.js';
import { type ClientRow, clientRows } from './rows.js';

/**
 * `npm run bench -- --against URL|DIST`: the same client does the same to Coffer and to another S3 server, in turn, so that a
 * disturbance of the machine meets both. The other one is reached under URL with the credentials of `AWS_ACCESS_KEY_ID`,
 * `AWS_SECRET_ACCESS_KEY` and `AWS_REGION`, or it is another build of Coffer: DIST is the folder with its `main.js`.
 */
export async function runAgainst(context: Context, against: string, peerPid: number | undefined): Promise<void> {
  if (!/^https?:/.test(against)) {
    await context.withServer({ dist: against }, async (peer) => {
      await context.withServer({ profile: true }, async (own) => {
        const contestants = [
          new Contestant('Coffer', context, [ownEndpoint(own.port)], [own.child.pid!]),
          new Contestant('other build', context, [ownEndpoint(peer.port)], [peer.child.pid!]),
        ] as const;
        await contest(context, contestants);
      });
    });
    return;
  }
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_REGION: region } = process.env;
  if (!accessKeyId || !secretAccessKey)
    throw new Error('--against needs the credentials of that server in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
  const peer = endpointOf(against, { accessKeyId, secretAccessKey }, region ?? REGION);
  await context.withServer({ profile: true, tls: peer.tls }, async (own) => {
    const contestants = [
      new Contestant('Coffer', context, [ownEndpoint(own.port, peer.tls)], [own.child.pid!]),
      new Contestant(authorityOf(peer), context, [peer], peerPid === undefined ? [] : [peerPid]),
    ] as const;
    await contest(context, contestants);
  });
}

export const ownEndpoint = (port: number, tls = false): Endpoint => ({
  host: '127.0.0.1',
  port,
  tls,
  credentials: CREDENTIALS,
  region: REGION,
});

/** Every row of the client on both, in turn. */
export async function contest(context: Context, contestants: readonly [Contestant, Contestant]): Promise<void> {
  const { options } = context;
  for (const row of clientRows(options.quick)) {
    if (!row.name.includes(options.only ?? '')) continue;
    for (const mode of options.modes.filter((mode) => row.modes.includes(mode))) {
      try {
        await measure(context, row, mode, contestants);
      } catch (error) {
        process.exitCode = 1;
        process.stderr.write(`${row.name}, ${mode}: ${(error as Error).message.slice(0, 400)}\n`);
      }
    }
  }
}

async function measure(
  context: Context,
  { name, unit, fill, measure }: ClientRow,
  mode: Mode,
  contestants: readonly [Contestant, Contestant],
): Promise<void> {
  const rates: [number[], number[]] = [[], []];
  const cpu: [number[], number[]] = [[], []];
  for (const server of contestants) {
    await server.makeBucket(mode);
    await fill?.(server, mode);
  }
  const { rounds, quick } = context.options;
  // A first round that doesn't count warms up.
  for (let round = quick ? 0 : -1; round < rounds; round++) {
    for (const i of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const before = contestants[i].cpuSeconds();
      const { amount, seconds, work } = await measure(contestants[i], mode, round + 1);
      const after = contestants[i].cpuSeconds();
      if (round < 0) continue;
      rates[i].push(amount / seconds);
      if (before !== undefined && after !== undefined) cpu[i].push((after - before) / work);
    }
  }
  const [own, peer] = contestants;
  context.add({
    row: name,
    mode,
    measured: median(rates[0]),
    unit,
    against: { name: peer.name, value: median(rates[1]) },
    ratio: median(rates[0].map((rate, i) => rate / rates[1][i]!)),
  });
  if (cpu[0].length === 0) return;
  context.add({
    row: `${name}, CPU of ${own.name}`,
    mode,
    measured: median(cpu[0]),
    unit: unit === 'MiB/s' ? 's/GiB' : 's/1,000',
    against: cpu[1].length > 0 ? { name: peer.name, value: median(cpu[1]) } : undefined,
  });
}
