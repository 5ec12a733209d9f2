import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { ChunkSigner } from '../../src/auth/chunk-signer.js';
import { ChunkedBody } from '../../src/auth/chunked-body.js';
import type { BodySource } from '../../src/base/stream.js';

const sha256 = (text: string): string => createHash('sha256').update(text, 'latin1').digest('hex');
/** Signs by hashing, which shows what was signed. */
const signer: ChunkSigner = {
  seed: 'seed',
  sign: (lines) => sha256(lines.join('|')),
  parts: { key: Buffer.alloc(32), date: '', scope: '' },
};
const chunk = signer.sign(['AWS4-HMAC-SHA256-PAYLOAD', 'seed', sha256(''), sha256('body')]);
const last = signer.sign(['AWS4-HMAC-SHA256-PAYLOAD', chunk, sha256(''), sha256('')]);
const over = (lines: string): string => signer.sign(['AWS4-HMAC-SHA256-TRAILER', last, sha256(lines)]);

async function read(trailer: string, names: string, signed: boolean, cut: number): Promise<Record<string, string>> {
  const text = signed
    ? `4;chunk-signature=${chunk}\r\nbody\r\n0;chunk-signature=${last}\r\n${trailer}`
    : `4\r\nbody\r\n0\r\n${trailer}`;
  const bytes = Buffer.from(text, 'latin1');
  const raw: BodySource = {
    length: bytes.length,
    async pump(sink) {
      for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)]) if (piece.length > 0) await sink(piece);
      return { trailers: new Map() };
    },
  };
  const payload = signed ? 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER' : 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
  const headers = { 'x-amz-decoded-content-length': '4', 'x-amz-trailer': names };
  const body = new ChunkedBody(raw, headers, payload, signed ? signer : undefined);
  let data = '';
  const { trailers } = await body.pump((piece) => {
    data += piece.toString('latin1');
  });
  expect(data).toBe('body');
  return Object.fromEntries(trailers);
}

/** Wherever the bytes are cut on their way. */
async function everywhere(trailer: string, names: string, signed: boolean): Promise<unknown[]> {
  const seen = new Map<string, unknown>();
  for (let cut = 0; cut < trailer.length + 200; cut++) {
    const result = await read(trailer, names, signed, cut).catch((error: { code?: string }) => error.code ?? error);
    seen.set(JSON.stringify(result), result);
  }
  return [...seen.values()];
}

const A = { a: '1' };
const AB = { a: '1', b: '2' };
const sign = (lines: string, name = 'x-amz-trailer-signature'): string => `${name}:${over(lines)}\r\n\r\n`;

test.each<[string, string, string, unknown]>([
  ['as AWS shows it', 'a:1\r\n\r\n', 'a', A],
  ['as minio-go sends it', 'a:1\n\r\n\r\n', 'a', A],
  ['LF, and the end', 'a:1\n\r\n', 'a', A],
  ['two of them', 'a:1\nb:2\n\r\n\r\n', 'a,b', AB],
  ['two, of either kind', 'a:1\r\nb:2\n\r\n', 'a, b', AB],
  ['blanks around', 'A :\t1 \n\r\n', 'a', A],
  ['a no-break space is part of a value', 'a:1\xa0\n\r\n', 'a', { a: '1\xa0' }],
  ['nothing behind the line', 'a:1\n', 'a', 'IncompleteBody'],
  ['no end at all', 'a:1', 'a', 'IncompleteBody'],
  ['one CRLF too many', 'a:1\r\n\r\n\r\n', 'a', 'IncompleteBody'],
  ['two CRLF too many', 'a:1\n\r\n\r\n\r\n', 'a', 'IncompleteBody'],
  ['bytes behind the end', 'a:1\n\r\nb:2\r\n', 'a', 'MalformedTrailerError'],
  ['one that was not announced', 'b:1\n\r\n', 'a', 'MalformedTrailerError'],
  ['one that was announced and is missing', 'a:1\n\r\n', 'a,b', 'MalformedTrailerError'],
  ['one that comes twice', 'a:1\na:1\n\r\n', 'a', 'MalformedTrailerError'],
])('a trailer of an unsigned body: %s', async (_what, trailer, names, expected) => {
  expect(await everywhere(trailer, names, false)).toEqual([expected]);
});

test.each<[string, string, string, unknown]>([
  ['as AWS shows it', `a:1\r\n${sign('a:1\n')}`, 'a', A],
  ['as minio-go sends it', `a:1\n\r\n${sign('a:1\n')}`, 'a', A],
  ['LF, and the signature at once', `a:1\n${sign('a:1\n')}`, 'a', A],
  ['two of them', `a:1\nb:2\n\r\n${sign('a:1\nb:2\n')}`, 'a,b', AB],
  ['another value than was signed', `a:1\n\r\n${sign('a:2\n')}`, 'a', 'SignatureDoesNotMatch'],
  ['no signature', 'a:1\n\r\n', 'a', 'IncompleteBody'],
  ['no signature, and two ends', 'a:1\n\r\n\r\n', 'a', 'SignatureDoesNotMatch'],
  ['a signature behind the end', `a:1\r\n\r\n${sign('a:1\n')}`, 'a', 'SignatureDoesNotMatch'],
  ['a trailer behind the signature', `a:1\n\r\n${sign('a:1\n').slice(0, -2)}b:2\r\n\r\n`, 'a', 'MalformedTrailerError'],
])('a trailer of a signed body: %s', async (_what, trailer, names, expected) => {
  expect(await everywhere(trailer, names, true)).toEqual([expected]);
});
