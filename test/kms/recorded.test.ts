import { describe, expect, test } from 'vitest';
import { encryptionScenarios } from './recorded/encryption.js';
import { importScenarios } from './recorded/imports.js';
import { keyScenarios } from './recorded/keys.js';
import { macScenarios } from './recorded/macs.js';
import { present, RECORDINGS, Recording, type Scenarios } from './recorded/recording.js';
import { regionScenarios } from './recorded/regions.js';
import { rotationScenarios } from './recorded/rotation.js';
import { signingScenarios } from './recorded/signing.js';
import { tagScenarios } from './recorded/tags.js';

const SCENARIOS: Scenarios = {
  ...keyScenarios,
  ...tagScenarios,
  ...encryptionScenarios,
  ...signingScenarios,
  ...macScenarios,
  ...importScenarios,
  ...rotationScenarios,
  ...regionScenarios,
};

const EMPTY = 'nothing was recorded: the test was skipped, its algorithm is not of its key spec';
/** By whole name. */
const NOT_MATCHED: Record<string, string> = {
  'test_sign_verify[ECC_NIST_P256-ECDSA_SHA_384]': EMPTY,
  'test_sign_verify[ECC_SECG_P256K1-ECDSA_SHA_512]': EMPTY,
  // March 2025. Since June 2025 imported keys rotate on demand: recordings of November 2025 show it.
  test_rotate_key_on_demand_raises_error_given_key_with_imported_key_material:
    'superseded by test_rotate_key_on_demand_updates_current_key_material_for_external_keys',
};
const ALL = 114;

describe.skipIf(!present)('answers as AWS recorded them', () => {
  const matched: string[] = [];

  for (const [name, answers] of RECORDINGS) {
    if (name in NOT_MATCHED) continue;
    test(name, async () => {
      const [, stem, parameters] = /^([^[]+)(?:\[(.*)\])?$/.exec(name)!;
      const scenario = SCENARIOS[stem!];
      if (!scenario) throw new Error(`nobody replays ${name}`);
      const recording = new Recording(name, answers);
      await scenario(recording, ...(parameters?.split('-') ?? []));
      expect(recording.left).toEqual([]);
      matched.push(name);
    });
  }

  test('an entry is replayed or listed with a reason, and nothing is listed that is not there', () => {
    expect(matched.length + Object.keys(NOT_MATCHED).length).toBe(ALL);
    expect(RECORDINGS.size).toBe(ALL);
    const stems = new Set([...RECORDINGS.keys()].map((name) => name.replace(/\[.*/, '')));
    expect([...Object.keys(NOT_MATCHED).filter((name) => !RECORDINGS.has(name))]).toEqual([]);
    expect(Object.keys(SCENARIOS).filter((stem) => !stems.has(stem))).toEqual([]);
  });
});

describe('the comparison with a recording', () => {
  const answers = {
    first: { KeyId: '<key-id:1>', Size: 5, Tags: [{ TagKey: 'a' }], ResponseMetadata: { HTTPStatusCode: 200 } },
    second: { KeyId: '<key-id:2>', At: 'datetime', Bytes: 'plaintext', ResponseMetadata: { HTTPStatusCode: 200 } },
    refused: { Error: { Code: 'E', Message: 'not <key-id:1>' }, ResponseMetadata: { HTTPStatusCode: 400 } },
  };
  const first = { KeyId: 'one', Size: 5, Tags: [{ TagKey: 'a' }] };
  const second = { KeyId: 'two', At: 1.5, Bytes: 'AAAA' };
  const refused = { __type: 'E', message: 'not one' };

  test('takes what is the same', () => {
    const recording = new Recording('test', answers);
    recording.match('first', { status: 200, json: { ...first, KeyMaterialId: 'added since' } });
    recording.match('second', { status: 200, json: second });
    expect(recording.left).toEqual(['refused']);
    recording.match('refused', { status: 400, json: refused });
    expect(recording.left).toEqual([]);
  });

  test.each([
    ['a member more', 'first', 200, { ...first, More: 1 }],
    ['a member less', 'first', 200, { KeyId: 'one', Size: 5 }],
    ['another value', 'first', 200, { ...first, Size: 6 }],
    ['an entry more', 'first', 200, { ...first, Tags: [{ TagKey: 'a' }, { TagKey: 'b' }] }],
    ['a date that is none', 'second', 200, { ...second, At: '2026-01-01' }],
    ['bytes that are none', 'second', 200, { ...second, Bytes: '' }],
    ['one value for two names', 'second', 200, { ...second, KeyId: 'one' }],
    ['another status', 'refused', 403, refused],
    ['another code', 'refused', 400, { ...refused, __type: 'F' }],
    ['another value for the same name', 'refused', 400, { ...refused, message: 'not two' }],
    ['success where AWS refuses', 'refused', 200, {}],
    ['an answer that was not recorded', 'third', 200, {}],
  ])('refuses %s', (_, entry, status, json) => {
    const recording = new Recording('test', answers);
    recording.match('first', { status: 200, json: first });
    expect(() => recording.match(entry, { status, json })).toThrow();
  });
});
