import type { Readable, Writable } from 'node:stream';
import { FORM_FIELDS_MAX_BYTES, PUT_MAX_BYTES } from '../../base/limits.js';
import type { BodyEnd, BodySource, Sink } from '../../base/stream.js';
import { S3Error } from '../../s3/error.js';
import type { HttpBody } from '../body-source.js';
import { partsOf } from './parts.js';

/** A field as it arrived: its name as sent, its bytes. */
export interface RawField {
  name: string;
  bytes: Buffer;
}

export interface FormHead {
  fields: readonly RawField[];
  /** Of the file, without folders; undefined where the part named none. */
  filename: string | undefined;
}

/** What a field costs beside its name and value: the boundary, its heads. */
const FIELD_OVERHEAD_BYTES = 64;
const NO_TRAILERS: BodyEnd = { trailers: new Map() };

/**
 * A browser form while it arrives: first its fields, which are small, then the part named `file`, which is handed on as a body.
 * What follows the file is ignored, but has to be there: only when the closing boundary and all of Content-Length have come does
 * the file's `pump` resolve.
 */
export class FormReader {
  /** Resolves where the file begins. */
  readonly head: Promise<FormHead>;
  readonly file: BodySource;
  readonly #parser: Writable;
  readonly #fields: (RawField & { done: boolean })[] = [];
  readonly #ended: Promise<void>;
  #fieldBytes = 0;
  #received = 0;
  #content: Readable | undefined;
  #filename: string | undefined;
  #failure: unknown;
  #failed = false;
  #drained: { resolve(): void; reject(error: unknown): void } | undefined;
  #settleHead!: { resolve(head: FormHead): void; reject(error: unknown): void };
  #settleEnd!: { resolve(): void; reject(error: unknown): void };

  /** @throws S3Error MalformedPOSTRequest */
  constructor(
    contentType: string,
    private readonly raw: HttpBody,
  ) {
    this.head = new Promise((resolve, reject) => {
      this.#settleHead = { resolve, reject };
    });
    this.#ended = new Promise((resolve, reject) => {
      this.#settleEnd = { resolve, reject };
    });
    // Whoever waits for them is told; nobody may be.
    this.head.catch(() => {});
    this.#ended.catch(() => {});
    this.file = { length: undefined, pump: (sink) => this.#pumpFile(sink) };
    try {
      this.#parser = partsOf(contentType, {
        onPart: (name, content, filename) => this.#take(name, content, filename),
        onMalformed: (cause) => this.close(malformed(cause)),
        onEnd: () => this.#end(),
      });
    } catch (cause) {
      throw malformed(cause);
    }
    this.#parser.on('drain', () => {
      this.#drained?.resolve();
      this.#drained = undefined;
    });
    raw
      .pump((chunk) => this.#feed(chunk))
      .then(
        () => this.#parser.end(),
        (error) => this.close(error),
      );
  }

  /** Nothing more is wanted of the form; whoever waits for it is told why. The first reason counts. */
  close(reason: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#failure = reason;
    this.#settleHead.reject(reason);
    this.#settleEnd.reject(reason);
    this.#drained?.reject(reason);
    this.#drained = undefined;
    this.raw.abandon(reason);
    this.#content?.removeAllListeners('data');
    this.#parser?.destroy();
    // One of them may be a customer's key.
    for (const { bytes } of this.#fields) bytes.fill(0);
  }

  #feed(chunk: Buffer): void | Promise<void> {
    if (this.#failed) throw this.#failure;
    this.#received += chunk.length;
    const more = this.#parser.write(chunk);
    if (this.#failed) throw this.#failure;
    if (!this.#content && this.#received > FORM_FIELDS_MAX_BYTES) throw tooLarge();
    if (more) return;
    return new Promise((resolve, reject) => {
      this.#drained = { resolve, reject };
    });
  }

  #take(name: string | undefined, content: Readable, filename: string | undefined): void {
    if (this.#content) {
      content.resume();
      return;
    }
    if (name === undefined) {
      this.close(malformed(new Error('a part has no name')));
      return;
    }
    if (name.toLowerCase() === 'file') {
      this.#content = content;
      this.#filename = filename;
      this.#announce();
      return;
    }
    const field = { name, bytes: Buffer.alloc(0), done: false };
    const chunks: Buffer[] = [];
    this.#fields.push(field);
    this.#count(Buffer.byteLength(name) + FIELD_OVERHEAD_BYTES);
    content.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      this.#count(chunk.length);
    });
    content.on('end', () => {
      field.bytes = Buffer.concat(chunks);
      field.done = true;
      this.#announce();
    });
  }

  #count(bytes: number): void {
    this.#fieldBytes += bytes;
    if (this.#fieldBytes > FORM_FIELDS_MAX_BYTES) this.close(tooLarge());
  }

  /** The file may begin before the last fields have been handed over. */
  #announce(): void {
    if (!this.#content || this.#fields.some((field) => !field.done)) return;
    const fields = this.#fields.map(({ name, bytes }) => ({ name, bytes }));
    this.#settleHead.resolve({ fields, filename: this.#filename });
  }

  #end(): void {
    if (!this.#content) this.close(noFile());
    else this.#settleEnd.resolve();
  }

  async #pumpFile(sink: Sink): Promise<BodyEnd> {
    if (this.#failed) throw this.#failure;
    const content = this.#content!;
    let bytes = 0;
    content.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > PUT_MAX_BYTES) {
        this.close(new S3Error('EntityTooLarge', { extra: sizes(bytes, PUT_MAX_BYTES) }));
        return;
      }
      let wait: void | Promise<void>;
      try {
        wait = sink(chunk);
      } catch (error) {
        this.close(error);
        return;
      }
      if (!wait) return;
      content.pause();
      wait.then(
        () => content.resume(),
        (error) => this.close(error),
      );
    });
    await this.#ended;
    return NO_TRAILERS;
  }
}

const sizes = (proposed: number, max: number): Record<string, string> => ({
  ProposedSize: String(proposed),
  MaxSizeAllowed: String(max),
});

const malformed = (cause: unknown): S3Error => new S3Error('MalformedPOSTRequest', { cause });

const tooLarge = (): S3Error =>
  new S3Error('MaxPostPreDataLengthExceeded', {
    extra: { MaxPostPreDataLengthBytes: String(FORM_FIELDS_MAX_BYTES) },
  });

const noFile = (): S3Error =>
  new S3Error('InvalidArgument', {
    message: 'POST requires exactly one file upload per request.',
    extra: { ArgumentName: 'file', ArgumentValue: '0' },
  });
