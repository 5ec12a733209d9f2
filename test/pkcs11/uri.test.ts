import { expect, test } from 'vitest';
import { isSameToken, parsePkcs11Uri } from '../../src/pkcs11/uri.js';

const parse = (text: string) => parsePkcs11Uri(text, 'SETTING');

test('a URI says library, token and key, decoded', () => {
  expect(
    parse(
      'pkcs11:token=The%20Token;serial=0a;manufacturer=M%C3%BCller;model=m;slot-id=17;object=root;id=%00%FFa;type=secret-key?module-path=/lib/x.so',
    ),
  ).toMatchObject({
    library: '/lib/x.so',
    token: { label: 'The Token', serial: '0a', manufacturer: 'Müller', model: 'm', slot: 17 },
    object: { label: 'root', id: '00ff61' },
  });
  expect(parse('pkcs11:serial=1;id=%01?module-path=%2flib%2Fx.so')).toMatchObject({
    library: '/lib/x.so',
    token: { serial: '1' },
    object: { id: '01' },
  });
});

test.each([
  ['another scheme', 'pkcs12:token=a;object=b?module-path=/x', /is no PKCS#11 URI/],
  ['two queries', 'pkcs11:token=a;object=b?module-path=/x?y=z', /is no PKCS#11 URI/],
  ['no library', 'pkcs11:token=a;object=b', /needs module-path/],
  ['a relative library', 'pkcs11:token=a;object=b?module-path=x.so', /needs module-path, the absolute path/],
  ['a library by name', 'pkcs11:token=a;object=b?module-name=softhsm2', /module-name, which is not supported/],
  ['a PIN', 'pkcs11:token=a;object=b?module-path=/x&pin-value=1234', /must hold no PIN/],
  ['a PIN in its path', 'pkcs11:token=a;object=b;pin-value=1234?module-path=/x', /must hold no PIN/],
  ['the file of a PIN', 'pkcs11:token=a;object=b?module-path=/x&pin-source=file:/pin', /pin-source/],
  ['an attribute that is not heeded', 'pkcs11:token=a;object=b;library-version=3?module-path=/x', /library-version/],
  ['a vendor’s attribute', 'pkcs11:token=a;object=b;x-y=1?module-path=/x', /x-y, which is not supported/],
  ['an attribute twice', 'pkcs11:token=a;token=b;object=b?module-path=/x', /token twice/],
  ['an attribute without value', 'pkcs11:token=a;object?module-path=/x', /not name=value/],
  ['an empty value', 'pkcs11:token=;object=b?module-path=/x', /not percent-encoded/],
  ['half an escape', 'pkcs11:token=a%2;object=b?module-path=/x', /not percent-encoded/],
  ['a blank', 'pkcs11:token=a b;object=b?module-path=/x', /percent-encoded/],
  ['a line end', 'pkcs11:token=a;object=b?module-path=/x\n', /percent-encoded/],
  ['no token', 'pkcs11:model=a;object=b?module-path=/x', /names no token/],
  ['no key', 'pkcs11:token=a?module-path=/x', /names no key/],
  ['another class', 'pkcs11:token=a;object=b;type=private?module-path=/x', /another type/],
  ['no number of a slot', 'pkcs11:slot-id=a;object=b?module-path=/x', /slot-id that is not a number/],
])('%s is refused in one line that does not repeat it', (_, text, message) => {
  const error = (() => {
    try {
      parse(text);
    } catch (thrown) {
      return thrown as Error;
    }
    return undefined;
  })();
  expect(error).toMatchObject({ name: 'ConfigError', message: expect.stringMatching(message) });
  expect(error!.message).toMatch(/^SETTING .*$/);
  expect(error!.message).not.toContain('1234');
});

test('keys of one token are told from those of another', () => {
  const one = parse('pkcs11:token=a;object=b?module-path=/x');
  expect(isSameToken(one, parse('pkcs11:object=c;token=a?module-path=/x'))).toBe(true);
  expect(isSameToken(one, parse('pkcs11:object=b;token=c?module-path=/x'))).toBe(false);
  expect(isSameToken(one, parse('pkcs11:object=b;token=a?module-path=/y'))).toBe(false);
});
