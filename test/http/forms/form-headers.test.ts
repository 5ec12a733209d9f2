import { describe, expect, test } from 'vitest';
import { formFields } from '../../../src/http/forms/form-fields.js';
import { formHeaders } from '../../../src/http/forms/form-headers.js';
import { RangedBody } from '../../../src/http/forms/ranged-body.js';

const KEY = 'x-amz-server-side-encryption-customer-key';

const fieldsOf = (fields: Record<string, string>, filename?: string) =>
  formFields({ fields: Object.entries(fields).map(([name, text]) => ({ name, bytes: Buffer.from(text) })), filename });
const headersOf = (fields: Record<string, string>) => formHeaders({ bucket: 'b', fields: fieldsOf(fields) });

describe('fields as headers', () => {
  test('are those of PutObject, by lower-case name, and no others', () => {
    const { headers } = headersOf({
      KEY: 'k',
      ACL: 'private',
      'Content-Type': 'text/plain',
      'content-MD5': 'x',
      'X-Amz-Storage-Class': 'GLACIER',
      'x-amz-object-lock-legal-hold': 'ON',
      'x-amz-grant-read': 'id="x"',
      policy: 'p',
      success_action_status: '200',
      'x-ignore-a': 'b',
      'x-amz-algorithm': 'a',
      'x-amz-credential': 'c',
      'x-amz-date': 'd',
      'x-amz-signature': 's',
      'x-amz-content-sha256': 'h',
      'x-amz-copy-source': '/b/k',
      'x-amz-copy-source-if-match': 'x',
      'x-amz-trailer': 't',
      'x-amz-decoded-content-length': '1',
      'content-length': '1',
      'transfer-encoding': 'chunked',
      host: 'h',
      'if-none-match': '*',
    });
    expect(headers).toEqual({
      'x-amz-acl': 'private',
      'content-type': 'text/plain',
      'content-md5': 'x',
      'x-amz-storage-class': 'GLACIER',
      'x-amz-object-lock-legal-hold': 'ON',
      'x-amz-grant-read': 'id="x"',
      'if-none-match': '*',
    });
  });

  test('hold no key of a customer; it is a secret of its own', () => {
    const { headers, sseCustomer } = headersOf({
      [KEY.toUpperCase()]: 'hush',
      [`${KEY}-md5`]: 'm',
      'x-amz-server-side-encryption-customer-algorithm': 'AES256',
    });
    expect(headers).toEqual({});
    expect(sseCustomer).toMatchObject({ algorithm: 'AES256', keyMd5: 'm' });
    expect(sseCustomer!.key!.expose().toString()).toBe('hush');
    expect(JSON.stringify(sseCustomer)).not.toContain('hush');
  });

  test('hold no control characters, and metadata any text', () => {
    const { headers } = headersOf({ expires: 'a\r\nb: c\0🔒é', 'x-amz-meta-a': 'a\r\nb' });
    expect(headers.expires).toBe('a  b: c  é');
    expect(headers['x-amz-meta-a']).toBe(`=?UTF-8?B?${Buffer.from('a\r\nb').toString('base64')}?=`);
  });

  test.each([
    ['<Tagging><TagSet><Tag><Key>a</Key><Value>b=c&amp;d</Value></Tag></TagSet></Tagging>', 'a=b%3Dc%26d'],
    ['<Tagging><TagSet/></Tagging>', undefined],
    ['<Tagging/>', undefined],
    ['<Other><TagSet/></Other>', undefined],
  ])('tagging %s is %s', (tagging, expected) => {
    expect(headersOf({ tagging }).headers['x-amz-tagging']).toBe(expected);
  });

  test.each([
    ['', 'MalformedXML'],
    ['a=b', 'MalformedXML'],
    ['<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>', 'MalformedXML'],
    ['<!DOCTYPE a [<!ENTITY b "c">]><Tagging>&b;</Tagging>', 'MalformedXML'],
    [`<Tagging><TagSet>${'<Tag><Key>a</Key><Value>b</Value></Tag>'.repeat(2)}</TagSet></Tagging>`, 'InvalidTag'],
  ])('tagging %s is %s', (tagging, code) => {
    expect(() => headersOf({ tagging })).toThrow(expect.objectContaining({ code }));
  });
});

describe('the file’s name', () => {
  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: so it stands in forms
  test('stands where it is asked for, but not in what is signed or secret', () => {
    const text = 'a/${filename}';
    const names = ['key', 'redirect', 'x-amz-meta-a', 'policy', 'signature', 'x-amz-signature', KEY];
    const fields = fieldsOf(Object.fromEntries(names.map((name) => [name, text])), '$&');
    const values = names.map((name) => fields.get(name)!.value);
    expect(values.slice(0, 6)).toEqual(['a/$&', 'a/$&', 'a/$&', text, text, text]);
    expect((values[6] as { expose(): Buffer }).expose().toString()).toBe(text);
    expect(fieldsOf({ key: '${FILENAME}${ filename }' }, 'f').get('key')!.value).toBe('${FILENAME}${ filename }');
  });

  test('that is asked for in turn is put in once', () => {
    expect(fieldsOf({ key: '${filename}' }, '${filename}').get('key')!.value).toBe('${filename}');
  });

  test('of half a surrogate pair is malformed: no key could hold it', () => {
    expect(() => fieldsOf({ key: '${filename}' }, 'a\ud800b')).toThrow(
      expect.objectContaining({ code: 'MalformedPOSTRequest' }),
    );
    expect(fieldsOf({ key: '${filename}' }, '🔒').get('key')!.value).toBe('🔒');
  });
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: so it stands in forms
});

test('of a file beyond its bound not a byte is handed on', async () => {
  const chunks = ['12345', '67890', 'x'].map((text) => Buffer.from(text));
  const run = async (min: number, max: number): Promise<string> => {
    let got = '';
    const raw = {
      length: undefined,
      async pump(sink: (chunk: Buffer) => void | Promise<void>) {
        for (const chunk of chunks) await sink(chunk);
        return { trailers: new Map() };
      },
    };
    const body = new RangedBody(raw, { min, max });
    try {
      await body.pump((chunk) => {
        got += chunk.toString();
      });
      return `${got} whole`;
    } catch (error) {
      return `${got} ${(error as { code: string }).code}`;
    }
  };
  expect(await run(0, 11)).toBe('1234567890x whole');
  expect(await run(11, 11)).toBe('1234567890x whole');
  expect(await run(12, 20)).toBe('1234567890x EntityTooSmall');
  expect(await run(0, 10)).toBe('1234567890 EntityTooLarge');
  expect(await run(0, 9)).toBe('12345 EntityTooLarge');
  expect(await run(5, 4)).toBe(' EntityTooLarge');
});
