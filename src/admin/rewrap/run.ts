import { type KmsCallerContext, KmsError } from '../../encryption/ports.js';
import type { SseKmsWrap } from '../../encryption/sse-kms.js';
import type { WrappedDataKey } from '../../encryption/wrapped-key.js';
import { Overtaken, rewrapVersion, whyNotUpdatable } from '../../s3/encryption/rewrap.js';
import { S3Error } from '../../s3/error.js';
import type { VersionEntry } from '../../s3/listing/version-stream.js';
import type { Services } from '../../s3/services.js';
import { TooMuchContention } from '../../store/conflict.js';
import { StoreDamaged } from '../../store/errors.js';
import { BucketGone } from '../../store/objects.js';
import type { BucketRecord } from '../../store/records.js';
import type { Stored } from '../../store/table.js';
import { CommandError } from '../errors.js';
import { finding, type Message } from '../message.js';
import { versionPages } from './versions.js';

/** Versions that are read in one go, and that the command's end is late by where it is cut off. */
const PAGE_VERSIONS = 64;
/** Versions that are worked on at once: their commits share a synced write. */
const AT_ONCE = 8;
/** Beyond these it isn't the versions. */
const FAILURES_MAX = 1000;

/** `changed`: replaced, deleted or locked after it was read. */
export type Skipped = 'SSE-C' | 'DSSE-KMS' | 'locked' | 'deleteMarker' | 'changed';

export interface RewrapCounts {
  rewrapped: number;
  /** Under the key, in the way that was asked for, before. */
  alreadyThere: number;
  /** Under a key that wasn't asked for. */
  underOtherKeys: number;
  skipped: Record<Skipped, number>;
  failed: number;
}

export interface RewrapParts {
  services: Services;
  /** Whose rights the key service decides by. `source` is added. */
  who: KmsCallerContext;
  prefix: string;
  currentOnly: boolean;
  /** ARN; absent: all versions. */
  from: string | undefined;
  to: {
    keyArn: string;
    /** 64 hex; undefined where a remote KMS doesn't tell. */
    materialId: string | undefined;
    /** Absent: each version keeps what it has, which is no bucket key where it lay under none. */
    bucketKeyEnabled: boolean | undefined;
  };
  /** Called behind every page: paces the run. */
  rest(versions: number, tookMs: number): Promise<unknown>;
}

/**
 * UpdateObjectEncryption of version after version. What is under the target already is left alone: a run that was cut off is taken up
 * by running it again.
 */
export class RewrapRun {
  readonly counts: RewrapCounts = {
    rewrapped: 0,
    alreadyThere: 0,
    underOtherKeys: 0,
    skipped: { 'SSE-C': 0, 'DSSE-KMS': 0, locked: 0, deleteMarker: 0, changed: 0 },
    failed: 0,
  };
  /** Versions that were looked at. */
  done = 0;

  constructor(private readonly parts: RewrapParts) {}

  /** @throws CommandError where too much fails; StoreUnavailable, OutcomeUnknown, StoreDamaged where records don't open */
  async *run(bucket: Stored<BucketRecord>): AsyncGenerator<Message[]> {
    const { services, prefix, currentOnly, rest } = this.parts;
    let beganMs = performance.now();
    for await (const page of versionPages(services, bucket.record.bucketId, prefix, PAGE_VERSIONS)) {
      const messages: Message[] = [];
      for (let i = 0; i < page.length; i += AT_ONCE) {
        const some = page.slice(i, i + AT_ONCE).filter((entry) => entry.isLatest || !currentOnly);
        const told = await all(some.map((entry) => this.#version(bucket, entry)));
        for (const message of told) if (message) messages.push(message);
      }
      this.done += page.length;
      yield messages;
      if (this.counts.failed >= FAILURES_MAX) {
        throw new CommandError('TooManyFailures', `${this.counts.failed} versions failed: this run ends here`, 500);
      }
      await rest(page.length, performance.now() - beganMs);
      beganMs = performance.now();
    }
  }

  async #version(bucket: Stored<BucketRecord>, { key, record }: VersionEntry): Promise<Message | undefined> {
    const { services, who, from, to } = this.parts;
    const { name } = bucket.record;
    const { content, versionId } = record;
    const where = { bucket: name, key, versionId };
    const skip = (reason: Skipped): Message => {
      this.counts.skipped[reason]++;
      return { type: 'detail', data: { ...where, skipped: reason } };
    };
    // A marker lies under no key.
    if (!content) return from === undefined ? skip('deleteMarker') : undefined;
    const wrap = content.encryption as WrappedDataKey;
    if (from !== undefined && !('keyArn' in wrap && wrap.keyArn === from)) {
      this.counts.underOtherKeys++;
      return undefined;
    }
    const bucketKeyEnabled = to.bucketKeyEnabled ?? ('underBucketKey' in wrap && wrap.underBucketKey !== undefined);
    if (wrap.mode === 'SSE-KMS' && this.#isThere(wrap, bucketKeyEnabled)) {
      this.counts.alreadyThere++;
      return undefined;
    }
    const why = whyNotUpdatable(content, services.clock.now());
    if (why) return skip(why);
    try {
      const source = { operation: 'UpdateObjectEncryption', bucket: name, key };
      const version = { bucket, key, versionId, record, content, who: { ...who, source } };
      await rewrapVersion(services, version, { keyArn: to.keyArn, bucketKeyEnabled });
      this.counts.rewrapped++;
      return undefined;
    } catch (error) {
      if (isOvertaken(error)) return skip('changed');
      if (!(error instanceof KmsError || error instanceof StoreDamaged)) throw error;
      this.counts.failed++;
      const code = error instanceof KmsError ? `KMS.${error.code}` : error.name;
      const text = `${name}/${key} (version ${versionId}): ${code}: ${error.message}`;
      return finding(text, { ...where, code, message: error.message });
    }
  }

  #isThere(wrap: SseKmsWrap, bucketKeyEnabled: boolean): boolean {
    const { keyArn, materialId } = this.parts.to;
    if (wrap.keyArn !== keyArn || (wrap.underBucketKey !== undefined) !== bucketKeyEnabled) return false;
    return materialId === undefined || wrap.keyMaterialId === materialId;
  }
}

/** `AccessDenied` of S3: locked meanwhile. */
const isOvertaken = (error: unknown): boolean =>
  error instanceof Overtaken ||
  error instanceof TooMuchContention ||
  error instanceof BucketGone ||
  (error instanceof S3Error && error.status < 500);

/** All of them to their end, before the first failure is thrown: nothing works on in the background. */
async function all<T>(work: Promise<T>[]): Promise<T[]> {
  const outcomes = await Promise.allSettled(work);
  return outcomes.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}
