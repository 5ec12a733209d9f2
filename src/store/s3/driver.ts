import { setTimeout as wait } from 'node:timers/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { crc32c } from '@node-rs/crc32';
import { u32 } from '../../base/bytes.js';
import { StoreUnavailable } from '../errors.js';
import type { OwnedRun, Run } from '../ports.js';
import { NoAnswer, type ObjectDriver } from '../run-objects/driver.js';
import { MARKER_NAME } from '../run-objects/marker.js';
import { failureOf, statusOf } from './failures.js';
import { ownerPrefix, parseRunName, runName } from './names.js';
import { nameOf, type S3Place } from './place.js';
import { readAnswer } from './read-answer.js';

/** Answers that break off are asked for again. */
const BODY_ATTEMPTS = 3;
const AGAIN_AFTER_MS = 100;
const NOT_FOUND = 404;
const RANGE_NOT_SATISFIABLE = 416;

/**
 * Objects of any server that speaks S3: put whole, read by ranges, deleted, all unconditionally. Names: `<prefix><owner>/<first>-<count>`.
 */
export class S3Driver implements ObjectDriver {
  readonly #place: string;

  constructor(
    private readonly client: S3Client,
    private readonly place: S3Place,
    private readonly deadlineMs: number,
  ) {
    this.#place = nameOf(place);
  }

  put(owner: Uint8Array, run: Run, pieces: Buffer[]): Promise<void> {
    return this.putNamed(runName(owner, run), pieces);
  }

  async putNamed(name: string, pieces: Buffer[]): Promise<void> {
    let crc = 0;
    for (const piece of pieces) crc = crc32c(piece, crc);
    const command = new PutObjectCommand({
      ...this.#named(name),
      // In one piece: so that it can be sent again.
      Body: pieces.length === 1 ? pieces[0] : Buffer.concat(pieces),
      ContentType: 'application/octet-stream',
      ChecksumCRC32C: u32(crc).toString('base64'),
    });
    await this.#during('a blob was not stored', (abortSignal) => this.client.send(command, { abortSignal }));
  }

  get(owner: Uint8Array, run: Run, start: number, length: number): Promise<Buffer | undefined> {
    return this.getNamed(runName(owner, run), start, length);
  }

  async getNamed(name: string, start: number, length: number): Promise<Buffer | undefined> {
    const range = { start, length };
    const command = new GetObjectCommand({ ...this.#named(name), Range: `bytes=${start}-${start + length - 1}` });
    try {
      return await this.#during('a blob was not read', async (abortSignal) => {
        for (let attempt = 1; ; attempt++) {
          const answer = await this.client.send(command, { abortSignal });
          try {
            return await readAnswer(answer, range, abortSignal);
          } catch (error) {
            if (abortSignal.aborted || attempt === BODY_ATTEMPTS) throw error;
            await wait(AGAIN_AFTER_MS * attempt);
          }
        }
      });
    } catch (error) {
      const { cause } = error as Error;
      if (statusOf(cause) === NOT_FOUND && (cause as Error).name !== 'NoSuchBucket') return undefined;
      // The object ends before the range begins.
      if (statusOf(cause) === RANGE_NOT_SATISFIABLE) return Buffer.alloc(0);
      throw error;
    }
  }

  async delete(owner: Uint8Array, run: Run): Promise<void> {
    const command = new DeleteObjectCommand(this.#named(runName(owner, run)));
    try {
      await this.#during('a blob was not deleted', (abortSignal) => this.client.send(command, { abortSignal }));
    } catch (error) {
      // Servers that say so.
      if (((error as Error).cause as Error | undefined)?.name !== 'NoSuchKey') throw error;
    }
  }

  async *left(owner: Uint8Array): AsyncGenerator<Run> {
    for await (const name of this.names(ownerPrefix(owner))) {
      const found = parseRunName(name);
      if (found) yield found.run;
    }
  }

  async *list(): AsyncGenerator<OwnedRun> {
    for await (const name of this.names('')) {
      const found = parseRunName(name);
      if (found) yield found;
    }
  }

  /** Of all objects below the place's own prefix, without it. */
  async *names(prefix: string, limit = 1000): AsyncGenerator<string> {
    const own = this.place.prefix;
    for (let token: string | undefined; ; ) {
      const command = new ListObjectsV2Command({
        Bucket: this.place.bucket,
        Prefix: own + prefix,
        MaxKeys: limit,
        ContinuationToken: token,
      });
      const page = await this.#during('blobs were not listed', (abortSignal) =>
        this.client.send(command, { abortSignal }),
      );
      for (const { Key } of page.Contents ?? []) if (Key?.startsWith(own)) yield Key.slice(own.length);
      if (!page.IsTruncated) return;
      token = page.NextContinuationToken;
      if (token === undefined) throw new StoreUnavailable(`${this.#place} lists without saying how to go on`);
    }
  }

  async marked(): Promise<boolean> {
    return (await this.getNamed(MARKER_NAME, 0, 1)) !== undefined;
  }

  async close(): Promise<void> {
    this.client.destroy();
  }

  #named(name: string): { Bucket: string; Key: string } {
    return { Bucket: this.place.bucket, Key: this.place.prefix + name };
  }

  /** @throws StoreUnavailable, at the latest when the deadline has passed */
  async #during<T>(failed: string, work: (deadline: AbortSignal) => Promise<T>): Promise<T> {
    const deadline = AbortSignal.timeout(this.deadlineMs);
    try {
      return await work(deadline);
    } catch (error) {
      if (deadline.aborted) {
        const late = `${failed}: ${this.#place} took longer than ${Math.round(this.deadlineMs / 1000)} s`;
        throw new NoAnswer(late, { cause: error });
      }
      throw failureOf(error, failed, this.#place);
    }
  }
}
