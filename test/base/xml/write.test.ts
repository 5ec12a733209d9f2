import { describe, expect, test } from 'vitest';
import { parseXml } from '../../../src/base/xml/parse.js';
import { escapeXml, xmlDocument } from '../../../src/base/xml/write.js';

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';

describe('a document', () => {
  test('has declaration, namespace, values of every kind, and none for null', () => {
    expect(
      xmlDocument(
        'ListBucketResult',
        [
          ['Name', 'b'],
          ['MaxKeys', 1000],
          ['IsTruncated', false],
          ['Prefix', ''],
          ['Delimiter', null],
          ['NextMarker', undefined],
          [
            'Contents',
            [
              ['Key', 'k'],
              ['Size', 0],
              ['Owner', [['ID', 'o']]],
            ],
          ],
          ['Contents', []],
        ],
        'http://s3.amazonaws.com/doc/2006-03-01/',
      ),
    ).toBe(
      `${DECLARATION}<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><MaxKeys>1000</MaxKeys>` +
        '<IsTruncated>false</IsTruncated><Prefix></Prefix><Contents><Key>k</Key><Size>0</Size><Owner><ID>o</ID></Owner></Contents>' +
        '<Contents></Contents></ListBucketResult>',
    );
  });

  test('may be a text, and have no namespace', () => {
    expect(xmlDocument('LocationConstraint', 'eu-west-1')).toBe(
      `${DECLARATION}<LocationConstraint>eu-west-1</LocationConstraint>`,
    );
    expect(xmlDocument('Error', [['Code', 'NoSuchKey']])).toBe(`${DECLARATION}<Error><Code>NoSuchKey</Code></Error>`);
  });
});

describe('text', () => {
  test('is escaped as S3 does', () => {
    expect(escapeXml('"d41d"')).toBe('&quot;d41d&quot;');
    expect(escapeXml(`a<b>c&d'e`)).toBe(`a&lt;b&gt;c&amp;d'e`);
    expect(escapeXml('<')).toBe('&lt;');
    expect(escapeXml('tail&')).toBe('tail&amp;');
    expect(escapeXml('&amp;')).toBe('&amp;amp;');
    expect(escapeXml('')).toBe('');
    expect(escapeXml('plain/é/😀')).toBe('plain/é/😀');
  });

  test('that XML 1.0 can’t hold goes out as references', () => {
    expect(escapeXml('a\u0000b\u0001\u001f\ufffe\uffff')).toBe('a&#x0;b&#x1;&#x1f;&#xfffe;&#xffff;');
    expect(escapeXml('\t\n\r')).toBe('\t\n&#xd;');
  });

  test('can’t end its element', () => {
    const { children } = parseXml(Buffer.from(xmlDocument('A', [['Key', '</Key><Key>x</Key><![CDATA[ ]]><!-- -->']])));
    expect(children.map((one) => one.text)).toEqual(['</Key><Key>x</Key><![CDATA[ ]]><!-- -->']);
  });

  test('of every character that XML 1.0 has comes back the same', () => {
    const characters: string[] = [];
    for (let code = 0; code < 0x11000; code++) {
      const surrogate = code >= 0xd800 && code < 0xe000;
      const illegal = (code < 0x20 && ![9, 10, 13].includes(code)) || code === 0xfffe || code === 0xffff;
      if (!surrogate && !illegal) characters.push(String.fromCodePoint(code));
    }
    characters.push('😀', '\u{10ffff}', '\r\n', ']]>', '&#x41;');
    const key = `first${characters.join('')}last`;
    const document = xmlDocument('Delete', [['Object', [['Key', key]]]]);
    expect(parseXml(Buffer.from(document)).children[0]!.children[0]!.text === key).toBe(true);
  });
});
