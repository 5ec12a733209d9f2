import { readFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Mac } from '../../../src/base/mac.js';
import { Secret } from '../../../src/base/secret.js';
import { HeadFile } from '../../../src/kms/audit/head-file.js';
import { buildPage, countEvents, eventsOf, parsePage } from '../../../src/kms/audit/page.js';
import { RootKey } from '../../../src/seal/root-key.js';
import { temporaryDirectory } from '../../store/harness.js';

const DOCUMENT = new URL('../../../src/encryption/FORMAT.md', import.meta.url);

function example(): Map<string, Buffer> {
  const text = readFileSync(DOCUMENT, 'utf8').split('## Worked example of an audit page')[1]!.split('\n## ')[0]!;
  const lines = [...text.matchAll(/^ {4}([a-zA-Z ]+?) += ([0-9a-f]+)$/gm)];
  return new Map(lines.map(([, name, hex]) => [name!, Buffer.from(hex!, 'hex')]));
}

test('FMT-AUDIT-1, FMT-AUDIT-4: the worked example is what this code builds, and is read', async () => {
  const values = example();
  expect(values.size).toBe(5);
  const rootKey = new RootKey(new Secret(Buffer.from(Array.from({ length: 32 }, (_, i) => i))));
  const chainKey = rootKey.derive('coffer/audit-chain');
  expect(chainKey.expose()).toEqual(values.get('chain key'));
  const page = {
    sequence: 7,
    writtenMs: Date.UTC(2026, 0, 1),
    previous: new Mac(values.get('MAC before')!),
    events: values.get('events')!,
  };
  const built = buildPage(chainKey, page);
  expect(built.plaintext).toEqual(values.get('plaintext'));
  const parsed = parsePage(chainKey, 7, values.get('plaintext')!);
  expect(parsed).toEqual({ ...page, mac: built.mac });
  expect(eventsOf(parsed).map(({ action }) => action)).toEqual(['Decrypt', 'Encrypt']);
  expect(countEvents(parsed)).toBe(2);

  const file = new HeadFile(join(await temporaryDirectory(), 'head'), chainKey);
  await file.write({ sequence: 7, mac: built.mac });
  const content = values.get('head file')!.toString('base64');
  expect(await readFile(file.path, 'latin1')).toBe(`coffer-audit-head-v1 ${content}\n`);
  expect((await stat(file.path)).mode & 0o777).toBe(0o600);
  expect(await file.read()).toEqual({ sequence: 7, mac: built.mac });
});

test('a page with any byte changed, in another place or under another key has a wrong MAC', () => {
  const plaintext = example().get('plaintext')!;
  const chainKey = new Secret(Buffer.from(example().get('chain key')!));
  let refused = 0;
  for (let i = 0; i < plaintext.length; i++) {
    const changed = Buffer.from(plaintext);
    changed[i]! ^= 1;
    expect(() => parsePage(chainKey, 7, changed), `byte ${i}`).toThrow(/wrong MAC|unknown form/);
    refused++;
  }
  expect(refused).toBe(plaintext.length);
  expect(() => parsePage(chainKey, 8, plaintext)).toThrow('wrong MAC');
  expect(() => parsePage(new Secret(Buffer.alloc(32)), 7, plaintext)).toThrow('wrong MAC');
  expect(() => parsePage(chainKey, 7, plaintext.subarray(0, 72))).toThrow('unknown form');
});
