import type { Caller } from '../../auth/ports.js';
import type { Clock } from '../../base/clock.js';
import { comparable } from '../../base/partition.js';
import { bucketOfArn } from '../../s3/replication/rules.js';
import type { Buckets } from '../../store/buckets.js';
import { HttpTarget } from './http-target.js';
import { type Target, TargetRefused } from './target.js';
import type { TargetConfig } from './targets-file.js';

/** How long it is believed which endpoint has a bucket. */
const BELIEVED_MS = 5 * 60_000;

/**
 * Where the bucket of a rule is: what the targets file says of its ARN goes first, then the buckets of this Coffer, then the
 * endpoints of the file that are named for a region, whichever has it.
 */
export class Destinations {
  readonly #byArn = new Map<string, HttpTarget>();
  readonly #ofRegions: HttpTarget[] = [];
  readonly #found = new Map<string, { target: HttpTarget; untilMs: number }>();

  constructor(
    targets: readonly TargetConfig[],
    private readonly buckets: Buckets,
    private readonly clock: Clock,
    /** This Coffer, asked as somebody. */
    private readonly here: (caller: Caller) => Target,
  ) {
    for (const config of targets) {
      const target = new HttpTarget(config, clock);
      if (config.bucketArn === undefined) this.#ofRegions.push(target);
      else this.#byArn.set(comparable(config.bucketArn), target);
    }
  }

  /** Undefined: there is no such bucket. @throws TargetUnreachable */
  async find(bucketArn: string, role: Caller): Promise<Target | undefined> {
    const named = this.#byArn.get(comparable(bucketArn));
    if (named) return named;
    if (await this.buckets.get(bucketOfArn(bucketArn))) return this.here(role);
    return this.#inRegions(bucketArn);
  }

  /** For PutBucketReplication: where a destination can't be asked just now, or doesn't tell, it is believed to be. */
  async isVersioned(bucketArn: string): Promise<boolean> {
    const name = bucketOfArn(bucketArn);
    try {
      const remote = this.#byArn.get(comparable(bucketArn));
      const local = remote ? undefined : await this.buckets.get(name);
      if (local) return local.record.versioning === 'Enabled';
      const target = remote ?? (await this.#inRegions(bucketArn));
      if (!target) return false;
      const reply = await target.send({ method: 'GET', bucket: name, key: '', query: [['versioning', '']] });
      return reply.element('Status') === 'Enabled';
    } catch (error) {
      return !(error instanceof TargetRefused && error.status === 404);
    }
  }

  close(): void {
    for (const target of [...this.#byArn.values(), ...this.#ofRegions]) target.close();
  }

  async #inRegions(bucketArn: string): Promise<HttpTarget | undefined> {
    const known = this.#found.get(bucketArn);
    if (known && known.untilMs > this.clock.now()) return known.target;
    let closed: HttpTarget | undefined;
    for (const target of this.#ofRegions) {
      try {
        await target.send({ method: 'HEAD', bucket: bucketOfArn(bucketArn), key: '' });
        return this.#believe(bucketArn, target);
      } catch (error) {
        if (!(error instanceof TargetRefused) || error.isTransient) throw error;
        // It is there: who may replicate need not be allowed to list.
        if (error.status === 403) closed ??= target;
      }
    }
    return closed && this.#believe(bucketArn, closed);
  }

  #believe(bucketArn: string, target: HttpTarget): HttpTarget {
    this.#found.set(bucketArn, { target, untilMs: this.clock.now() + BELIEVED_MS });
    return target;
  }
}
