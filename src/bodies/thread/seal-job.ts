import { chunkSigner } from '../../auth/chunk-signer.js';
import { wrapPayload } from '../../auth/payload.js';
import type { BodyEnd, BodySource, Sink } from '../../base/stream.js';
import { type BodyKeys, messageSealer } from '../../encryption/body-keys.js';
import type { MessageSealer } from '../../encryption/message-sealer.js';
import { type Algorithm, type ChecksumHash, createChecksum } from '../checksums.js';
import { faultOf } from '../faults.js';
import type { TakenKeys } from '../handover.js';
import type { FromThread, ToThread } from '../messages.js';
import { RoomWriter } from './room-writer.js';

type Message = Extract<ToThread, { kind: 'room' | 'data' | 'finish' }>;
type Begin = Extract<ToThread, { kind: 'seal' }>;

/** Decodes, verifies, hashes, seals and writes a body, slot by slot: each byte once, while it is in the cache. */
export class SealJob {
  readonly #sealer: MessageSealer;
  readonly #rooms: RoomWriter;
  /** What came before the checksums were ready. */
  #early: Message[] | undefined = [];
  #hashes: [Algorithm, ChecksumHash][] = [];
  #size = 0;
  #push: Sink | undefined;
  #settle: { resolve(end: BodyEnd): void; reject(error: unknown): void } | undefined;
  #ended = false;

  constructor(
    private readonly begin: Begin,
    bodyKeys: BodyKeys,
    keys: TakenKeys,
    private readonly views: readonly Buffer[],
    private readonly post: (message: FromThread) => void,
  ) {
    this.#rooms = new RoomWriter((crc32c) => post({ kind: 'written', job: begin.job, crc32c }));
    this.#sealer = messageSealer(bodyKeys, Buffer.from(begin.partId), begin.chunkBytes, (bytes) =>
      this.#rooms.write(bytes),
    );
    this.#run(keys).then(
      (sealed) => {
        if (!this.#ended) post({ kind: 'finished', job: begin.job, sealed });
      },
      (error: unknown) => {
        if (!this.#ended) post({ kind: 'failed', job: begin.job, fault: faultOf(error) });
        this.#ended = true;
      },
    );
  }

  take(message: Message): void {
    if (this.#early) this.#early.push(message);
    else this.#take(message);
  }

  end(): void {
    this.#ended = true;
    this.#sealer.dispose();
    this.#rooms.drop();
    this.#settle?.reject(new Error('given up'));
    for (const [, hash] of this.#hashes) hash.discard();
    this.#hashes = [];
  }

  async #run(keys: TakenKeys) {
    const { algorithms, coding } = this.begin;
    for (const algorithm of algorithms) this.#hashes.push([algorithm, await createChecksum(algorithm)]);
    if (this.#ended) throw new Error('given up');
    const raw: BodySource = { length: undefined, pump: (sink) => this.#pump(sink) };
    let source = raw;
    if (coding) {
      const { payload, headers, signer } = coding;
      const keyed = signer && chunkSigner(signer.seed, keys.signingKey.expose(), signer.date, signer.scope);
      source = wrapPayload(raw, { headers }, payload, keyed);
    }
    const ending = source.pump((plaintext) => {
      this.#size += plaintext.length;
      for (const [, hash] of this.#hashes) hash.update(plaintext);
      this.#sealer.update(plaintext);
    });
    const early = this.#early!;
    this.#early = undefined;
    for (const message of early) this.#take(message);
    const { trailers } = await ending;
    this.#sealer.final();
    this.#rooms.end();
    const digests = this.#hashes.map(([algorithm, hash]): [Algorithm, Uint8Array] => [algorithm, hash.digest()]);
    this.#hashes = [];
    return { size: this.#size, digests, trailers: [...trailers] };
  }

  #pump(sink: Sink): Promise<BodyEnd> {
    this.#push = sink;
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
  }

  #take(message: Message): void {
    if (this.#ended) return;
    if (message.kind === 'room') this.#rooms.add(message.room);
    else if (message.kind === 'finish') this.#settle!.resolve({ trailers: new Map() });
    else {
      try {
        // Nothing here is waited for: what the sink gets is sealed and written when it returns.
        this.#push!(this.views[message.slot]!.subarray(0, message.length));
      } catch (error) {
        this.#settle!.reject(error);
      }
      this.post({ kind: 'taken', job: this.begin.job, slot: message.slot });
    }
  }
}
