import { randomBytes } from 'node:crypto';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { HttpBody } from '../../../src/http/body-source.js';
import { FormReader } from '../../../src/http/forms/form-reader.js';
import { BOUNDARY, END, FORM_TYPE, fieldPart, filePart, part } from '../../support/form.js';

interface Read {
  fields: Record<string, string>;
  filename: string | undefined;
  file: Buffer;
}

/** Reads a form that comes in pieces of `step` bytes. */
async function read(
  body: Buffer,
  {
    step = body.length,
    type = FORM_TYPE,
    declared = body.length,
  }: { step?: number; type?: string; declared?: number } = {},
): Promise<Read> {
  const request = new IncomingMessage(new Socket());
  request.headers['content-length'] = String(declared);
  const reader = new FormReader(type, new HttpBody(request, () => {}));
  for (let at = 0; at < body.length; at += step) request.push(body.subarray(at, at + step));
  request.complete = true;
  request.push(null);
  const { fields, filename } = await reader.head;
  const chunks: Buffer[] = [];
  await reader.file.pump((chunk) => {
    chunks.push(Buffer.from(chunk));
  });
  const named = Object.fromEntries(fields.map(({ name, bytes }) => [name, bytes.toString('utf8')]));
  return { fields: named, filename, file: Buffer.concat(chunks) };
}

const form = (...parts: Buffer[]): Buffer => Buffer.concat([...parts, END]);
const text = (body: string): Buffer => Buffer.from(body.replaceAll('\n', '\r\n'), 'latin1');
const disposition = (parameters: string): string => `Content-Disposition: form-data; ${parameters}`;

describe('a form is read', () => {
  test('whatever pieces it comes in', async () => {
    const file = Buffer.concat([
      Buffer.from(`-${BOUNDARY}\r\n\n--${BOUNDARY}--\r\n--${BOUNDARY.slice(0, -1)}\r\n-\r\n--\r\n`),
      randomBytes(300),
      Buffer.from('\r\n\r'),
    ]);
    const body = form(fieldPart('key', 'a/b'), fieldPart('empty', ''), filePart({ content: file, filename: 'f' }));
    const expected = { fields: { key: 'a/b', empty: '' }, filename: 'f', file };
    let tried = 0;
    for (let step = 1; step < 200; step += step < 20 ? 1 : 13) {
      expect(await read(body, { step }), `pieces of ${step}`).toEqual(expected);
      tried++;
    }
    expect(tried).toBeGreaterThan(30);
  });

  test.each<[string, string]>([
    ['with a filename and a type', 'name="file"; filename="a.bin"\r\nContent-Type: image/png'],
    ['without a filename', 'name="file"'],
    ['without a filename, as text', 'name="file"\r\nContent-Type: text/plain; charset=utf-16le'],
    ['in upper case', 'name="FILE"; filename="a.bin"'],
  ])('its file %s, of any size, as bytes', async (_name, head) => {
    const file = randomBytes(3 * 1024 * 1024);
    const { file: got } = await read(form(fieldPart('key', 'k'), part(disposition(head), file)), { step: 64 * 1024 });
    expect(got.equals(file)).toBe(true);
  });

  test('a field with a filename and any type is a field', async () => {
    const field = part(disposition('name="key"; filename="x"\r\nContent-Type: application/octet-stream'), 'k');
    expect((await read(form(field, filePart({ content: 'f' })))).fields).toEqual({ key: 'k' });
  });

  test.each<[string, string | undefined, string]>([
    ['quotes that are escaped', 'a"b.txt', 'filename="a\\"b.txt"'],
    ['quotes as browsers escape them', 'a%22b.txt', 'filename="a%22b.txt"'],
    ['UTF-8', 'smörgås 🔒.txt', 'filename="smörgås 🔒.txt"'],
    ['folders', 'c.txt', 'filename="a/b/c.txt"'],
    ['folders of Windows', 'c.txt', 'filename="C:\\\\a\\\\c.txt"'],
    ['nothing but dots', '', 'filename=".."'],
    ['no name at all', undefined, 'x=y'],
  ])('a filename with %s', async (_name, filename, parameter) => {
    const file = part(disposition(`name="file"; ${parameter}`), 'f');
    expect((await read(form(file))).filename).toBe(filename);
  });

  test('what follows the file is ignored, and so is what stands before the first boundary', async () => {
    const second = filePart({ content: 'second', filename: 'g' });
    const body = form(filePart({ content: 'first', filename: 'f' }), fieldPart('key', 'late'), second);
    const all = await read(Buffer.concat([Buffer.from('preamble\r\n'), body, Buffer.from('epilogue')]));
    expect(all).toEqual({ fields: {}, filename: 'f', file: Buffer.from('first') });
  });

  test('a multipart inside the file is content', async () => {
    const inner = text('--inner\nContent-Disposition: form-data; name="key"\n\nstolen\n--inner--\n');
    const { fields, file } = await read(form(fieldPart('key', 'k'), filePart({ content: inner })));
    expect([fields, file]).toEqual([{ key: 'k' }, inner]);
  });
});

describe('refused is', () => {
  const MALFORMED = { code: 'MalformedPOSTRequest' };
  const file = filePart({ content: 'f' });
  const key = fieldPart('key', 'k');

  test.each<[string, Buffer]>([
    ['a part without a name', form(part('Content-Disposition: form-data', 'x'), file)],
    ['a part whose name is empty', form(part(disposition('name=""'), 'x'), file)],
    ['a part without a disposition', form(part('Content-Type: text/plain', 'x'), file)],
    ['a part with two dispositions', form(part(`${disposition('name="a"')}\r\n${disposition('name="b"')}`, 'x'), file)],
    ['a part that is no form-data', form(part('Content-Disposition: attachment; name="acl"', 'x'), file)],
    ['a disposition that can’t be read', form(part(disposition('name="a'), 'x'), file)],
    ['a head with a bare line feed', form(part('Content-Disposition: form-data;\n name="a"', 'x'), file)],
    ['a head that another part follows', form(text(`--${BOUNDARY}\n${disposition('name="a"')}\n`), key, file)],
    ['a boundary inside the file', form(key, filePart({ content: `a\r\n--${BOUNDARY}x\r\nb` }))],
    ['a file that begins with the boundary', form(key, filePart({ content: `--${BOUNDARY}\r\n\r\nb` }))],
    ['a boundary that is padded', form(key, Buffer.from(file.toString('latin1').replace('\r\n', ' \r\n')))],
    ['a boundary inside a field', form(fieldPart('key', `k\r\n--${BOUNDARY}-\r\n`), file)],
    ['two boundaries in a row', form(key, Buffer.from(`--${BOUNDARY}\r\n`), file)],
    ['a head without end', Buffer.concat([key, Buffer.from(`--${BOUNDARY}\r\nA: ${'x'.repeat(17_000)}`)])],
    ['a form without a closing boundary', Buffer.concat([key, file])],
    ['a file that is cut', Buffer.concat([key, file.subarray(0, -3)])],
    ['a closing boundary that is cut', Buffer.concat([key, file, END.subarray(0, -3)])],
    ['an empty body', Buffer.alloc(0)],
    ['a body of something else', Buffer.from('{"key": "k"}')],
    ['a body with another boundary', Buffer.from(form(key, file).toString('latin1').replaceAll(BOUNDARY, 'other'))],
  ])('%s', async (_name, body) => {
    await expect(read(body)).rejects.toMatchObject(MALFORMED);
    await expect(read(body, { step: 7 })).rejects.toMatchObject(MALFORMED);
  });

  test('a form without a boundary in its type', async () => {
    await expect(read(form(key, file), { type: 'multipart/form-data' })).rejects.toMatchObject(MALFORMED);
  });

  test('a form without a file', async () => {
    await expect(read(form(key))).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: 'POST requires exactly one file upload per request.',
    });
  });

  test('a body that is shorter than it was said to be, whole as its form may look', async () => {
    const body = form(key, file);
    await expect(read(body, { declared: body.length + 1 })).rejects.toMatchObject({ code: 'IncompleteBody' });
  });

  test.each<[string, Buffer]>([
    ['a field that is large', form(fieldPart('a', 'x'.repeat(20_481)), file)],
    ['many fields', form(...Array.from({ length: 400 }, (_, i) => fieldPart(`f${i}`, '')), file)],
    ['a preamble that is large', Buffer.concat([Buffer.alloc(30_000), form(key, file)])],
    ['a large name', form(fieldPart('n'.repeat(12_000), 'x'), fieldPart('m'.repeat(9_000), 'x'), file)],
  ])('%s', async (_name, body) => {
    const refused = { code: 'MaxPostPreDataLengthExceeded', extra: { MaxPostPreDataLengthBytes: '20480' } };
    await expect(read(body, { step: 1024 })).rejects.toMatchObject(refused);
  });

  test('fields beyond the bound that come in one piece', async () => {
    const body = form(fieldPart('a', 'x'.repeat(20_481)), file);
    await expect(read(body)).rejects.toMatchObject({ code: 'MaxPostPreDataLengthExceeded' });
  });
});

test('what the sink throws, at once or later, ends the form; nothing more is read', async () => {
  for (const sink of [
    () => {
      throw new Error('full');
    },
    () => Promise.reject(new Error('full')),
  ]) {
    const request = new IncomingMessage(new Socket());
    request.headers['content-length'] = '1000000';
    const reader = new FormReader(FORM_TYPE, new HttpBody(request, () => {}));
    request.push(filePart({ content: 'f'.repeat(1000) }));
    await reader.head;
    await expect(reader.file.pump(sink)).rejects.toThrow('full');
    expect(request.isPaused()).toBe(true);
    expect(request.listenerCount('data')).toBe(0);
  }
});

test('a slow sink stops the client: a large file is not collected in memory', async () => {
  const request = new IncomingMessage(new Socket());
  request.headers['content-length'] = String(64 * 1024 * 1024);
  const body = new HttpBody(request, () => {});
  const reader = new FormReader(FORM_TYPE, body);
  request.push(filePart({ content: 'f' }).subarray(0, -2));
  await reader.head;
  const pumped = reader.file.pump(() => new Promise(() => {}));
  const piece = Buffer.alloc(64 * 1024);
  for (let i = 0; i < 256; i++) {
    request.push(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(body.received).toBeLessThan(2 * 1024 * 1024);
  reader.close(new Error('enough'));
  await expect(pumped).rejects.toThrow('enough');
});
