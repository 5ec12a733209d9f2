import { readFileSync } from 'node:fs';
import type { Context } from '../context.js';
import type { Endpoint } from '../endpoint.js';
import type { JobResult } from '../job.js';
import { bucketOf, defaultEncryptionOf, headersOf, type Mode } from '../modes.js';
import type { Target } from '../presign.js';

/** Clock ticks of /proc/PID/stat a second, on every Linux. */
const TICKS_A_SECOND = 100;

/** One of the two servers of a row. */
export class Contestant {
  constructor(
    readonly name: string,
    private readonly context: Context,
    /** One, or gateways that serve together. */
    private readonly endpoints: readonly Endpoint[],
    /** Empty where they aren't known, or not on this machine: no CPU figures then. */
    private readonly pids: readonly number[],
  ) {}

  async do(targets: Target[], clients: number, body: { bytes?: number; text?: string } = {}): Promise<JobResult> {
    return this.context.client.do({
      endpoints: this.endpoints,
      clients,
      targets,
      ...(body.bytes !== undefined && { bodyBytes: body.bytes }),
      ...(body.text !== undefined && { text: body.text }),
    });
  }

  /** Of one mode; what is left of an earlier run is used again. Rejects where the server doesn't know the mode. */
  async makeBucket(mode: Mode): Promise<void> {
    const path = `/${bucketOf(mode)}`;
    try {
      await this.do([{ method: 'HEAD', path }], 1);
    } catch {
      await this.do([{ method: 'PUT', path }], 1);
    }
    // What a server does unasked is its answer to the plain row: Coffer encrypts, others may not.
    if (mode !== 'SSE-KMS') return;
    await this.do([{ method: 'PUT', path, query: { encryption: '' } }], 1, { text: defaultEncryptionOf(mode) });
  }

  /** CPU seconds that its processes (with all threads) have used. */
  cpuSeconds(): number | undefined {
    if (this.pids.length === 0) return undefined;
    let ticks = 0;
    for (const pid of this.pids) {
      const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
      ticks += Number(fields[11]) + Number(fields[12]);
    }
    return ticks / TICKS_A_SECOND;
  }
}

export const objects = (
  mode: Mode,
  method: string,
  count: number,
  name: (i: number) => string,
  query?: Record<string, string>,
): Target[] =>
  Array.from({ length: count }, (_, i) => ({
    method,
    path: `/${bucketOf(mode)}/${name(i)}`,
    headers: headersOf(mode),
    ...(query && { query }),
  }));
