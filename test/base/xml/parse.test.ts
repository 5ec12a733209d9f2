import { describe, expect, test } from 'vitest';
import { parseXml, XmlError } from '../../../src/base/xml/parse.js';
import { cpuMs, yardstickMs } from '../../support/cpu.js';

const parse = (text: string) => parseXml(Buffer.from(text));
const tree = (name: string, text = '', children: object[] = [], attributes = {}) => ({
  name,
  attributes,
  children,
  text,
});

describe('a document', () => {
  test('becomes a tree of names, attributes, children and text', () => {
    expect(
      parse(
        '<?xml version="1.0" encoding="UTF-8"?>\n<Delete><!-- note --><Object><Key>a&amp;b &lt;&#x41;&#66;</Key></Object><Quiet v="1">true</Quiet></Delete>\n',
      ),
    ).toEqual(
      tree('Delete', '', [tree('Object', '', [tree('Key', 'a&b <AB')]), tree('Quiet', 'true', [], { v: '1' })]),
    );
  });

  test('has the same names with a namespace, with a prefix and without', () => {
    const expected = ['Delete', ['Object']];
    for (const text of [
      '<Delete><Object/></Delete>',
      '<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object/></Delete>',
      '<s3:Delete xmlns:s3="http://s3.amazonaws.com/doc/2006-03-01/"><s3:Object/></s3:Delete>',
    ]) {
      const { name, children } = parse(text);
      expect([name, children.map((one) => one.name)]).toEqual(expected);
    }
  });

  test('has all its text, across comments, CDATA and multi-byte characters', () => {
    expect(parse('<Key>a<!-- - -->b<![CDATA[<&>]]>é😀</Key>').text).toBe('ab<&>é😀');
    expect(parse('<Key>one\r\ntwo&#13;&#10;</Key>').text).toBe('one\ntwo\r\n');
    expect(parse('<Key>  spaces  </Key>').text).toBe('  spaces  ');
  });

  test('may begin with a byte order mark and declare UTF-8 in any case', () => {
    expect(parse('\ufeff<?xml version="1.0" encoding="utf-8"?><A/>').name).toBe('A');
    expect(parse("<?xml version='1.0' encoding='Utf-8' standalone='yes'?><A/>").name).toBe('A');
  });

  test('of 10,000 parts, the largest S3 takes, is read', () => {
    const part = '<Part><PartNumber>1</PartNumber><ETag>"e"</ETag><ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part>';
    expect(parse(`<C>${part.repeat(10_000)}</C>`).children.length).toBe(10_000);
  });

  test('can’t reach into prototypes by its names', () => {
    const { attributes } = parse('<A __proto__="x" constructor="y"><__proto__>z</__proto__></A>');
    expect(Object.keys(attributes)).toEqual(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});

describe('refused is', () => {
  const refuse = (bytes: Buffer | string) =>
    expect(() => (typeof bytes === 'string' ? parse(bytes) : parseXml(bytes))).toThrow(XmlError);

  test.each([
    ['nothing', ''],
    ['white space', ' \n'],
    ['text alone', 'not xml'],
    ['an open element', '<A><B></B>'],
    ['crossed elements', '<A><B></A></B>'],
    ['two roots', '<A/><B/>'],
    ['text behind the root', '<A/>text'],
    ['an attribute twice', '<A b="1" b="2"/>'],
    ['an attribute without quotes', '<A b=1/>'],
    ['a bare ampersand', '<A>a & b</A>'],
    ['an unknown entity', '<A>&nbsp;</A>'],
    ['a NUL by reference', '<A>&#0;</A>'],
    ['half a surrogate pair by reference', '<A>&#xD800;</A>'],
    ['a number beyond Unicode', '<A>&#x110000;</A>'],
    ['an unended comment', '<A><!-- </A>'],
    ['an unended CDATA section', '<A><![CDATA[ </A>'],
    ['a declaration that is not first', ' <?xml version="1.0"?><A/>'],
    ['JSON', '{"Key":"a"}'],
  ])('%s', (_, text) => refuse(text));

  test('every document type: entities can neither multiply nor reach outside', () => {
    refuse('<!DOCTYPE A><A/>');
    refuse('<!DOCTYPE A SYSTEM "http://127.0.0.1/a.dtd"><A/>');
    refuse('<!DOCTYPE A [<!ENTITY x SYSTEM "file:///etc/passwd">]><A>&x;</A>');
    const laughs = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join('');
    refuse(`<!DOCTYPE A [<!ENTITY l0 "lol">${laughs}]><A>&l9;</A>`);
    refuse(`<!DOCTYPE A [<!ENTITY x "${'x'.repeat(100_000)}">]><A>${'&x;'.repeat(10_000)}</A>`);
  });

  test('what is nested too deep, however deep, without running out of stack', () => {
    expect(parse(`${'<A>'.repeat(16)}${'</A>'.repeat(16)}`).name).toBe('A');
    refuse(`${'<A>'.repeat(17)}${'</A>'.repeat(17)}`);
    refuse('<A>'.repeat(600_000));
  });

  test('what has too many elements', () => {
    refuse(`<A>${'<B/>'.repeat(60_000)}</A>`);
  });

  test('what has too many attributes on one element', () => {
    const attributes = (count: number) => Array.from({ length: count }, (_, i) => `a${i}="1"`).join(' ');
    expect(parse(`<A ${attributes(32)}><B ${attributes(32)}/></A>`).children.length).toBe(1);
    refuse(`<A ${attributes(33)}/>`);
    refuse(`<A ${attributes(150_000)}/>`);
  });

  test('what isn’t UTF-8', () => {
    refuse(Buffer.concat([Buffer.from('<A>'), Buffer.from([0xff]), Buffer.from('</A>')]));
    refuse(Buffer.concat([Buffer.from('<A>'), Buffer.from([0xc0, 0x80]), Buffer.from('</A>')]));
    refuse(Buffer.concat([Buffer.from('<A>'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('</A>')]));
    refuse(Buffer.from('<A>é</A>', 'latin1'));
    refuse(Buffer.from('\ufeff<A/>', 'utf16le'));
    refuse(Buffer.from('<A/>', 'utf16le'));
  });

  test('what declares another encoding, since its names would be read as others', () => {
    for (const encoding of ['ISO-8859-1', 'UTF-16', 'UTF-7', 'windows-1252']) {
      refuse(`<?xml version="1.0" encoding="${encoding}"?><Key>Ã©</Key>`);
    }
  });
});

test('a body of 2 MiB that is one long name, attribute or text is read or refused at once', () => {
  const long = 'x'.repeat(2 * 2 ** 20 - 100);
  const spent = cpuMs(() => {
    expect(parse(`<A>${long}</A>`).text.length).toBe(long.length);
    expect(parse(`<A b="${long}"/>`).attributes.b?.length).toBe(long.length);
    expect(parse(`<${long}/>`).name.length).toBe(long.length);
    expect(() => parse('<'.repeat(long.length))).toThrow(XmlError);
    expect(() => parse(`<A>${'&'.repeat(long.length)}</A>`)).toThrow(XmlError);
    expect(() => parse(`<A ${'b="1" '.repeat(100_000)}/>`)).toThrow(XmlError);
  });
  expect(spent).toBeLessThan(30 * yardstickMs());
});
