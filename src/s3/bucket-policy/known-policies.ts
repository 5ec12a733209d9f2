import { parseBucketPolicy } from '../../policy/bucket-policy.js';
import { isPublic } from '../../policy/is-public.js';
import type { PolicyDocument } from '../../policy/ports.js';
import type { BucketPolicies } from '../../store/bucket-policies.js';
import type { BucketRecord } from '../../store/records.js';

/** Of policies' texts, together. What is made of them takes several times as much. */
const KNOWN_MAX_CHARACTERS = 4 * 1024 * 1024;

/** A bucket's policy, ready to be asked. */
export interface BucketPolicy {
  text: string;
  document: PolicyDocument;
  isPublic: boolean;
}

/** Bucket policies as they were parsed, by stamp: one stamp stands for one text, so nothing here is ever out of date. */
export class KnownPolicies {
  readonly #known = new Map<string, BucketPolicy>();
  #characters = 0;

  constructor(
    private readonly rows: BucketPolicies,
    private readonly partition: string,
  ) {}

  /** The policy that the bucket's record names; undefined where it was replaced or removed since the record was read. */
  async of({ bucketId, name, policy }: BucketRecord): Promise<BucketPolicy | undefined> {
    if (!policy) return undefined;
    const known = this.#known.get(policy.stamp);
    if (known) return known;
    const text = await this.rows.text(bucketId, policy.stamp);
    if (text === undefined) return undefined;
    const document = parseBucketPolicy(text, name, this.partition);
    const parsed = { text, document, isPublic: isPublic(document) };
    this.#keep(policy.stamp, parsed);
    return parsed;
  }

  #keep(stamp: string, policy: BucketPolicy): void {
    if (this.#known.has(stamp)) return;
    this.#known.set(stamp, policy);
    this.#characters += policy.text.length;
    for (const [oldest, { text }] of this.#known) {
      if (this.#characters <= KNOWN_MAX_CHARACTERS) return;
      this.#known.delete(oldest);
      this.#characters -= text.length;
    }
  }
}
