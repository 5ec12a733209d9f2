import { createHash, createPublicKey } from 'node:crypto';
import { expect, test } from 'vitest';
import { verifyEcdsaDigest } from '../../../src/kms/crypto/ecdsa.js';
import { signEd25519ph, verifyEd25519ph } from '../../../src/kms/crypto/eddsa.js';
import { generateMac, verifyMac } from '../../../src/kms/crypto/hmac.js';
import { mlDsaMaterial } from '../../../src/kms/crypto/material.js';
import { openKey, openPublicKey } from '../../../src/kms/crypto/opened-key.js';
import { sign, verify } from '../../../src/kms/crypto/signing.js';
import { ecdsaSignature, flipped, hex, kmsError, secret, spkiOf } from './known.js';

/** RFC 8032, section 7.3. */
test('Ed25519ph gives the vector of RFC 8032', () => {
  const seed = hex('833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42');
  const publicKey = hex('ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf');
  const signature = hex(
    '98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406',
  );
  expect(signEd25519ph(secret(seed), Buffer.from('abc'))).toEqual(signature);
  expect(verifyEd25519ph(publicKey, Buffer.from('abc'), signature)).toBe(true);
  expect(verifyEd25519ph(publicKey, Buffer.from('abd'), signature)).toBe(false);
  expect(verifyEd25519ph(flipped(publicKey, 3), Buffer.from('abc'), signature)).toBe(false);
});

test('an Ed25519ph key of small order, under which one signature stands for all messages, verifies nothing', () => {
  const identity = Buffer.concat([Buffer.of(1), Buffer.alloc(31)]);
  expect(verifyEd25519ph(identity, Buffer.from('abc'), Buffer.concat([identity, Buffer.alloc(32)]))).toBe(false);
});

/** What AWS documents for ED25519_PH_SHA_512: the digest that it is given is hashed again. */
test('ED25519_PH_SHA_512 signs the digest as the message of Ed25519ph', async () => {
  const seed = Buffer.alloc(32, 9);
  const pkcs8 = Buffer.concat([hex('302e020100300506032b657004220420'), seed]);
  const digest = createHash('sha512').update('a long message').digest();
  const signature = await sign(openKey('ECC_NIST_EDWARDS25519', secret(pkcs8)), 'ED25519_PH_SHA_512', 'DIGEST', digest);
  expect(signature).toEqual(signEd25519ph(secret(seed), digest));
});

/** RFC 6979, A.2.5 to A.2.7, message "sample". The first has an s in the upper half of the order. */
const RFC_6979 = [
  {
    spec: 'ECC_NIST_P256',
    algorithm: 'ECDSA_SHA_256',
    hash: 'sha256',
    x: 'C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721',
    r: 'EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716',
    s: 'F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8',
  },
  {
    spec: 'ECC_NIST_P384',
    algorithm: 'ECDSA_SHA_384',
    hash: 'sha384',
    x: '6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5',
    r: '94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46',
    s: '99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8',
  },
  {
    spec: 'ECC_NIST_P521',
    algorithm: 'ECDSA_SHA_512',
    hash: 'sha512',
    x: '00FAD06DAA62BA3B25D2FB40133DA757205DE67F5BB0018FEE8C86E1B68C7E75CAA896EB32F1F47C70855836A6D16FCC1466F6D8FBEC67DB89EC0C08B0E996B83538',
    r: '00C328FAFCBD79DD77850370C46325D987CB525569FB63C5D3BC53950E6D4C5F174E25A1EE9017B5D450606ADD152B534931D7D4E8455CC91F9B15BF05EC36E377FA',
    s: '00617CCE7CF5064806C467F678D3B4080D6F1CC50AF26CA209417308281B68AF282623EAA63E5B5C0723D8B8C37FF0777B1A20F8CCB1DCCC43997F1EE0E44DA4A67A',
  },
] as const;

test.each(RFC_6979)(
  'the $spec signature of RFC 6979 verifies, RAW and DIGEST',
  ({ spec, algorithm, hash, x, r, s }) => {
    const key = openPublicKey(spec, spkiOf(spec, hex(x)));
    const signature = ecdsaSignature(hex(r), hex(s));
    const digest = createHash(hash).update('sample').digest();
    expect(verify(key, algorithm, 'RAW', Buffer.from('sample'), signature)).toBe(true);
    expect(verify(key, algorithm, 'DIGEST', digest, signature)).toBe(true);
    expect(verify(key, algorithm, 'DIGEST', flipped(digest, 1), signature)).toBe(false);
  },
);

test('an ECDSA signature in any encoding but strict DER is refused, on both ways to verify', () => {
  const { spec, x, r, s } = RFC_6979[0];
  const key = openPublicKey(spec, spkiOf(spec, hex(x)));
  const digest = createHash('sha256').update('sample').digest();
  const good = ecdsaSignature(hex(r), hex(s));
  const body = good.subarray(2);
  const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
  const over = hex((BigInt(`0x${s}`) + order).toString(16).padStart(66, '0'));
  const negative = hex((order - BigInt(`0x${s}`)).toString(16).padStart(64, '0'));
  const encodings = {
    raw: Buffer.concat([hex(r), hex(s)]),
    'long length': Buffer.concat([Buffer.of(0x30, 0x81, body.length), body]),
    indefinite: Buffer.concat([Buffer.of(0x30, 0x80), body, Buffer.of(0, 0)]),
    'padded integer': Buffer.concat([Buffer.of(0x30, body.length + 1, 0x02, 0x22, 0x00), body.subarray(2)]),
    'negative integer': Buffer.concat([Buffer.of(0x30, body.length - 1, 0x02, 0x20), body.subarray(3)]),
    'bytes behind': Buffer.concat([good, Buffer.of(0)]),
    'bytes inside': Buffer.concat([Buffer.of(0x30, body.length + 1), body, Buffer.of(0)]),
    'a third integer': Buffer.concat([Buffer.of(0x30, body.length + 3), body, Buffer.of(2, 1, 1)]),
    'another tag': Buffer.concat([Buffer.of(0x31), good.subarray(1)]),
    's over the order': ecdsaSignature(hex(r), over),
    'r of 0': ecdsaSignature(Buffer.of(0), hex(s)),
    's of 0': ecdsaSignature(hex(r), Buffer.of(0)),
  };
  for (const [name, signature] of Object.entries(encodings)) {
    expect(verify(key, 'ECDSA_SHA_256', 'RAW', Buffer.from('sample'), signature), name).toBe(false);
    expect(verify(key, 'ECDSA_SHA_256', 'DIGEST', digest, signature), name).toBe(false);
  }
  expect(Object.keys(encodings)).toHaveLength(12);
  // Of the two values of s both stand.
  expect(verifyEcdsaDigest(spec, key.bits, digest, ecdsaSignature(hex(r), negative))).toBe(true);
  expect(verify(key, 'ECDSA_SHA_256', 'RAW', Buffer.from('sample'), ecdsaSignature(hex(r), negative))).toBe(true);
});

/** RFC 4231, sections 4.2, 4.3 and 4.7. */
const RFC_4231 = [
  {
    key: hex('0b'.repeat(20)),
    data: Buffer.from('Hi There'),
    macs: {
      224: '896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22',
      256: 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
      384: 'afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6',
      512: '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
    },
  },
  {
    key: Buffer.from('Jefe'),
    data: Buffer.from('what do ya want for nothing?'),
    macs: {
      224: 'a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44',
      256: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
      384: 'af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649',
      512: '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
    },
  },
];

test('HMAC gives the vectors of RFC 4231, and refuses every changed bit and the other algorithms', () => {
  let made = 0;
  let refused = 0;
  for (const { key, data, macs } of RFC_4231) {
    for (const [bits, mac] of Object.entries(macs)) {
      const spec = `HMAC_${bits}` as 'HMAC_256';
      const opened = openKey(spec, secret(key));
      const algorithm = `HMAC_SHA_${bits}`;
      expect(generateMac(opened, algorithm, data).toBytes()).toEqual(hex(mac));
      expect(verifyMac(opened, algorithm, data, hex(mac))).toBe(true);
      for (let i = 0; i < hex(mac).length * 8; i += 5)
        expect(verifyMac(opened, algorithm, data, flipped(hex(mac), i))).toBe(false);
      expect(verifyMac(opened, algorithm, data, hex(mac).subarray(1))).toBe(false);
      expect(verifyMac(opened, algorithm, data, Buffer.alloc(0))).toBe(false);
      expect(verifyMac(opened, algorithm, flipped(data, 5), hex(mac))).toBe(false);
      made++;
      for (const other of Object.keys(macs).filter((one) => one !== bits)) {
        const error = kmsError(
          'InvalidKeyUsageException',
          `Algorithm HMAC_SHA_${other} is incompatible with key spec ${spec}.`,
        );
        expect(() => generateMac(opened, `HMAC_SHA_${other}`, data)).toThrow(error);
        expect(() => verifyMac(opened, `HMAC_SHA_${other}`, data, hex(mac))).toThrow(error);
        refused++;
      }
      expect(() => generateMac(opened, algorithm, Buffer.alloc(4097))).toThrow(kmsError('ValidationException'));
      opened.dispose();
      expect(() => generateMac(opened, algorithm, data)).toThrow('the key was disposed');
    }
  }
  expect([made, refused]).toEqual([8, 24]);
});

/** RFC 9881, C.1 and C.2: the keys of the seed 00 01 … 1f. */
test('ML-DSA keys are encoded as RFC 9881 shows them', () => {
  const { publicKey } = mlDsaMaterial(
    'ML_DSA_44',
    hex('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'),
  );
  expect(publicKey.toString('base64').slice(0, 64)).toBe(
    'MIIFMjALBglghkgBZQMEAxEDggUhANeytHJUquDbReeTDUqY0sl9jxOX0Xidr6Fw',
  );
  const shapes = { ML_DSA_44: ['11', 1334], ML_DSA_65: ['12', 1974], ML_DSA_87: ['13', 2614] } as const;
  for (const [spec, [oidEnd, bytes]] of Object.entries(shapes)) {
    const made = mlDsaMaterial(spec as keyof typeof shapes, Buffer.alloc(32, 7));
    // SEQUENCE { SEQUENCE { OID, nothing else }, BIT STRING }: AWS answers as many bytes.
    expect(made.publicKey.length).toBe(bytes);
    expect(made.publicKey.toString('hex', 4, 17)).toBe(`300b06096086480165030403${oidEnd}`);
    expect(made.publicKey.toString('hex', 0, 2)).toBe('3082');
    expect(made.publicKey.readUInt16BE(2)).toBe(bytes - 4);
    expect(openPublicKey(spec as keyof typeof shapes, made.publicKey).bits.length).toBe(bytes - 22);
    // Deterministic: a key is stored as its seed.
    expect(mlDsaMaterial(spec as keyof typeof shapes, Buffer.alloc(32, 7)).publicKey).toEqual(made.publicKey);
  }
});

test('EC public keys have the named curve and the point uncompressed', () => {
  let seen = 0;
  for (const spec of ['ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521', 'ECC_SECG_P256K1'] as const) {
    const spki = spkiOf(spec, Buffer.alloc(32, 3));
    expect(createPublicKey({ key: spki, format: 'der', type: 'spki' }).export({ format: 'der', type: 'spki' })).toEqual(
      spki,
    );
    expect(openPublicKey(spec, spki).bits[0]).toBe(4);
    seen++;
  }
  expect(seen).toBe(4);
});
