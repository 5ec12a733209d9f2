import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/base/secret.js';
import { CHECK_VALUE_KEY, requireRightRootKey } from '../../src/seal/check-value.js';
import { RootSealer, SEAL_OVERHEAD_BYTES } from '../../src/seal/record-sealer.js';
import { RootKey } from '../../src/seal/root-key.js';
import { MemoryMetaStore } from '../../src/store/memory/meta-store.js';

const sealerOf = (byte: number) => new RootSealer(new RootKey(new Secret(Buffer.alloc(32, byte))));
const ROW = Buffer.from('c/row');
const damaged = expect.objectContaining({ name: 'StoreDamaged' });

describe('record sealer', () => {
  it('opens the worked example of FORMAT', async () => {
    const document = await readFile(new URL('../../src/encryption/FORMAT.md', import.meta.url), 'utf8');
    const text = document.split('## Worked example of a sealed record')[1]!.split('\n## ')[0]!;
    const example = new Map(
      [...text.matchAll(/^ {4}([A-Za-z0-9 ]+?) *= ([0-9a-f]+)$/gm)].map(([, name, hex]) => [
        name!,
        Buffer.from(hex!, 'hex'),
      ]),
    );
    expect(example.size).toBe(9);
    const rootKey = new RootKey(new Secret(Buffer.from(example.get('root key')!)));
    expect(rootKey.id).toEqual(example.get('root key id'));
    expect(rootKey.derive('coffer/record/object').expose()).toEqual(example.get('record key'));
    const opened = new RootSealer(rootKey).open('object', Buffer.from('c/example'), example.get('sealed')!);
    expect(opened).toEqual(example.get('plaintext'));
  });

  it('opens what it sealed, under the same type and row only', () => {
    const sealer = sealerOf(1);
    const sealed = sealer.seal('object', ROW, Buffer.from('value'));
    expect(sealed.length).toBe(5 + SEAL_OVERHEAD_BYTES);
    expect(sealer.open('object', ROW, sealed).toString()).toBe('value');
    expect(() => sealer.open('bucket', ROW, sealed)).toThrow(damaged);
    expect(() => sealer.open('object', Buffer.from('c/row2'), sealed)).toThrow(damaged);
    expect(() => sealer.open('objectc', Buffer.from('/row'), sealed)).toThrow(damaged);
    expect(() => sealerOf(2).open('object', ROW, sealed)).toThrow(damaged);
  });

  it('refuses every flipped byte and every truncation', () => {
    const sealer = sealerOf(1);
    const sealed = sealer.seal('object', ROW, Buffer.from('value'));
    for (let i = 0; i < sealed.length; i++) {
      const flipped = Buffer.from(sealed);
      flipped[i]! ^= 1;
      expect(() => sealer.open('object', ROW, flipped)).toThrow(damaged);
      expect(() => sealer.open('object', ROW, sealed.subarray(0, i))).toThrow(damaged);
    }
  });

  it('opens many rows as it opens each, and names the one that was changed or moved', () => {
    const sealer = sealerOf(1);
    const rows = ['a', 'bc', ''].map((text, i) => {
      const key = Buffer.from(`c/row${i}`);
      return { key, value: sealer.seal('object', key, Buffer.from(text)) };
    });
    expect(sealer.openMany('object', rows).map(String)).toEqual(['a', 'bc', '']);
    expect(sealer.openMany('object', [])).toEqual([]);
    const [first, second, third] = rows as [(typeof rows)[0], (typeof rows)[0], (typeof rows)[0]];
    const moved = { key: second.key, value: third.value };
    expect(() => sealer.openMany('object', [first, moved])).toThrow(/"c\/row1" is damaged or was moved/);
    for (let i = 0; i < second.value.length; i++) {
      const value = Buffer.from(second.value);
      value[i]! ^= 1;
      expect(() => sealer.openMany('object', [first, { key: second.key, value }, third])).toThrow(/"c\/row1"/);
    }
    const cut = { key: third.key, value: third.value.subarray(0, -1) };
    expect(() => sealer.openMany('object', [first, cut])).toThrow(/"c\/row2"/);
  });

  it('its errors escape the row key, which clients choose', () => {
    const sealed = sealerOf(1).seal('object', ROW, Buffer.from('value'));
    expect(() => sealerOf(1).open('object', Buffer.from('c/\nforged line'), sealed)).toThrow(/"c\/\\nforged line"/);
  });
});

describe('check value', () => {
  it('is written to an empty store and accepts the same root key from then on', async () => {
    const rows = new MemoryMetaStore();
    await requireRightRootKey(rows, sealerOf(1));
    expect(await rows.get(CHECK_VALUE_KEY)).toBeDefined();
    await requireRightRootKey(rows, sealerOf(1));
  });

  it('finds a wrong root key, and changes nothing then', async () => {
    const rows = new MemoryMetaStore();
    await requireRightRootKey(rows, sealerOf(1));
    const wrong = expect.objectContaining({ name: 'RootKeyError', message: expect.stringContaining('wrong root key') });
    await expect(requireRightRootKey(rows, sealerOf(2))).rejects.toThrow(wrong);
    await requireRightRootKey(rows, sealerOf(1));
  });

  it('damaged, or missing beside other rows, stops the start', async () => {
    const rows = new MemoryMetaStore();
    await rows.commit({ puts: [{ key: Buffer.from('c/x'), value: Buffer.from('1') }] });
    await expect(requireRightRootKey(rows, sealerOf(1))).rejects.toThrow(damaged);
    const value = sealerOf(1).seal('check-value', CHECK_VALUE_KEY, Buffer.from('other'));
    value[value.length - 1]! ^= 1;
    await rows.commit({ puts: [{ key: CHECK_VALUE_KEY, value }] });
    await expect(requireRightRootKey(rows, sealerOf(1))).rejects.toThrow(damaged);
  });
});
