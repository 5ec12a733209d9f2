import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/base/secret.js';
import { Xaes } from '../../src/seal/xaes.js';

const key = (byte: number): Secret => new Secret(Buffer.alloc(32, byte));
const NONCE = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWX');
const PLAINTEXT = Buffer.from('XAES-256-GCM');

/** The two vectors of c2sp.org/XAES-256-GCM: K1 without and with the carry. */
const VECTORS = [
  { byte: 1, aad: '', sealed: 'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271' },
  { byte: 3, aad: 'c2sp.org/XAES-256-GCM', sealed: '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d' },
];

describe('XAES-256-GCM', () => {
  it.each(VECTORS)('seals and opens the published vector with key $byte', ({ byte, aad, sealed }) => {
    const xaes = new Xaes(key(byte));
    const bytes = Buffer.from(sealed, 'hex');
    expect(xaes.sealWithNonceForTest(NONCE, Buffer.from(aad), PLAINTEXT)).toEqual(bytes);
    expect(xaes.open(Buffer.from(aad), Buffer.concat([NONCE, bytes]))).toEqual(PLAINTEXT);
  });

  it('opens what it sealed, of any length, behind the headroom asked for', () => {
    const xaes = new Xaes(key(7));
    for (const length of [0, 1, 15, 16, 17, 65_536]) {
      const plaintext = Buffer.alloc(length, 0xa5);
      const sealed = xaes.seal(Buffer.from('aad'), plaintext, 5);
      expect(sealed.length).toBe(length + 45);
      expect(xaes.open(Buffer.from('aad'), sealed.subarray(5)).equals(plaintext)).toBe(true);
    }
  });

  it('never uses a nonce twice', () => {
    const xaes = new Xaes(key(7));
    const nonces = Array.from({ length: 1000 }, () => xaes.seal(PLAINTEXT, PLAINTEXT).toString('hex', 0, 24));
    expect(new Set(nonces).size).toBe(1000);
  });

  it('refuses every flipped byte, another AAD, another key and every truncation', () => {
    const xaes = new Xaes(key(7));
    const sealed = xaes.seal(Buffer.from('aad'), PLAINTEXT);
    const refused = expect.objectContaining({ name: 'StoreDamaged' });
    for (let i = 0; i < sealed.length; i++) {
      const flipped = Buffer.from(sealed);
      flipped[i]! ^= 0x10;
      expect(() => xaes.open(Buffer.from('aad'), flipped)).toThrow(refused);
      expect(() => xaes.open(Buffer.from('aad'), sealed.subarray(0, i))).toThrow(refused);
    }
    expect(() => xaes.open(Buffer.from('aae'), sealed)).toThrow(refused);
    expect(() => new Xaes(key(8)).open(Buffer.from('aad'), sealed)).toThrow(refused);
  });

  it('takes keys of 32 bytes only', () => {
    expect(() => new Xaes(new Secret(Buffer.alloc(16)))).toThrow(RangeError);
  });
});
