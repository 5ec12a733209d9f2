import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import type { CeilingTask } from './tasks.js';

const CHUNK_BYTES = 16 * 1024;
const ROUND_CHUNKS = 1024;

/** Bytes/s of one core. */
export function crypto({ kind, seconds }: Extract<CeilingTask, { seconds: number }>): number {
  const round = rounds[kind]();
  round();
  const started = performance.now();
  let bytes = 0;
  while (performance.now() - started < seconds * 1000) {
    round();
    bytes += ROUND_CHUNKS * CHUNK_BYTES;
  }
  return bytes / ((performance.now() - started) / 1000);
}

const rounds = {
  'aes-gcm-seal': () => {
    const { key, plain } = material();
    return () => {
      for (let i = 0; i < ROUND_CHUNKS; i++) seal(key, i, plain);
    };
  },
  'aes-gcm-open': () => {
    const { key, plain } = material();
    const sealed = Array.from({ length: ROUND_CHUNKS }, (_, i) => seal(key, i, plain));
    return () => {
      for (let i = 0; i < ROUND_CHUNKS; i++) {
        const { text, tag } = sealed[i]!;
        const cipher = createDecipheriv('aes-256-gcm', key, nonce(i));
        cipher.setAuthTag(tag);
        cipher.update(text);
        cipher.final();
      }
    };
  },
  md5: () => hashing('md5'),
  sha256: () => hashing('sha256'),
};

function material(): { key: Buffer; plain: Buffer } {
  return { key: randomBytes(32), plain: randomBytes(CHUNK_BYTES) };
}

function seal(key: Buffer, i: number, plain: Buffer): { text: Buffer; tag: Buffer } {
  const cipher = createCipheriv('aes-256-gcm', key, nonce(i));
  const text = cipher.update(plain);
  cipher.final();
  return { text, tag: cipher.getAuthTag() };
}

function nonce(i: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(i, 8);
  return bytes;
}

/** In pieces of 64 KiB, as a socket gives them. */
function hashing(algorithm: string): () => void {
  const piece = randomBytes(4 * CHUNK_BYTES);
  return () => {
    const hash = createHash(algorithm);
    for (let i = 0; i < ROUND_CHUNKS / 4; i++) hash.update(piece);
    hash.digest();
  };
}
