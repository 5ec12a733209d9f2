import { describe, expect, test } from 'vitest';
import { keyArn } from '../../src/kms/key-reference.js';
import { ACTIONS } from '../../src/kms/registry.js';
import { REGION } from './harness.js';
import { ASKED, naming } from './support/matrix-actions.js';
import { callerOf, makeFrozenKms } from './support/matrix-keys.js';
import {
  CONTEXTS,
  type Context,
  GRANTS,
  type GrantName,
  mayDo,
  POLICIES,
  type PolicyName,
  type State,
  stateError,
  WHO,
  type Who,
} from './support/matrix-model.js';

/** Not about one key, or about an alias, or asking for more than the key. */
const ELSEWHERE = (
  'ConnectCustomKeyStore CreateAlias CreateCustomKeyStore CreateKey DeleteAlias DeleteCustomKeyStore ' +
  'DescribeCustomKeyStores DisconnectCustomKeyStore GenerateRandom ListAliases ListKeys ListRetirableGrants ' +
  'ReplicateKey UpdateAlias UpdateCustomKeyStore'
).split(' ');

/** Actions that never touch key material; of the others every success has to. */
const USES_MATERIAL = (
  'Decapsulate Decrypt DeriveSharedSecret Encrypt GenerateDataKey GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext ' +
  'GenerateDataKeyWithoutPlaintext GenerateMac ReEncrypt RotateKeyOnDemand Sign'
).split(' ');

interface Case {
  action: string;
  who: Who;
  policy: PolicyName;
  grant: GrantName;
  state: State;
  context: Context;
  viaS3: boolean;
}

function expected({ action, state, context, ...asked }: Case): { code: string; refused: boolean } {
  const { kind, permissions = [action], answer, ...rest } = ASKED[action]!;
  const own = rest.context ? context : undefined;
  const allowed = permissions.every((permission) => mayDo({ ...asked, permission, context: own }, kind));
  if (!allowed) return { code: 'AccessDeniedException', refused: true };
  const code = stateError(action, state);
  return code ? { code, refused: true } : { code: answer?.(state) ?? '', refused: false };
}

/** Asks every case and compares. @returns how often which code was answered */
async function ask(cases: Iterable<Case>): Promise<Map<string, number>> {
  const { make, blobOf, kms, audit, touched } = makeFrozenKms();
  const made = new Map<string, ReturnType<typeof make>>();
  const wrong: string[] = [];
  const counts = new Map<string, number>();
  for (const one of cases) {
    const { action, who, policy, grant, state, context, viaS3 } = one;
    const { kind, input } = ASKED[action]!;
    const name = [kind, state, policy, grant].join();
    audit.frozen = false;
    if (!made.has(name)) made.set(name, make(kind, state, policy, grant));
    const record = await made.get(name)!;
    const blob = kind === 'symmetric' ? blobOf(record, context) : '';
    audit.frozen = true;
    touched.length = 0;
    const body = { ...input({ blob, context }), ...naming(action, keyArn(REGION, record)) };
    const bytes = Buffer.from(JSON.stringify(body));
    const { json } = await kms.dispatch(`TrentService.${action}`, bytes, callerOf(who, viaS3));
    const code = (json.__type as string | undefined) ?? '';
    const { code: right, refused } = expected(one);
    counts.set(code, (counts.get(code) ?? 0) + 1);
    const title = `${JSON.stringify(one)}: ${code || 'success'} ${json.message ?? ''}`;
    if (code !== right) wrong.push(`${title}, not ${right || 'success'}`);
    if (refused && touched.length > 0) wrong.push(`${title} touched key material: ${touched}`);
    if (code === '' && USES_MATERIAL.includes(action) && touched.length === 0) wrong.push(`${title} used no material`);
    audit.events.length = 0;
  }
  expect(wrong.slice(0, 20)).toEqual([]);
  return counts;
}

const total = (counts: Map<string, number>): number => [...counts.values()].reduce((sum, one) => sum + one, 0);

test('the matrix asks for every action on a key', () => {
  expect([...Object.keys(ASKED), ...ELSEWHERE].sort()).toEqual([...ACTIONS.keys()].sort());
});

describe('who × policy × grant × encryption context × service', () => {
  test.each(['Encrypt', 'Decrypt', 'GenerateDataKey', 'ReEncrypt', 'DescribeKey'])('%s', async (action) => {
    function* cases(): Generator<Case> {
      for (const policy of POLICIES)
        for (const grant of GRANTS)
          for (const who of WHO)
            for (const context of CONTEXTS)
              for (const viaS3 of [false, true]) yield { action, who, policy, grant, state: 'Enabled', context, viaS3 };
    }
    const counts = await ask(cases());
    expect(total(counts)).toBe(7 * 5 * 10 * 4 * 2);
    expect([...counts.keys()].sort()).toEqual(['', 'AccessDeniedException']);
    for (const count of counts.values()) expect(count).toBeGreaterThan(100);
  });
});

describe('every action × who × policy × state', () => {
  test.each(['Enabled', 'Disabled', 'PendingDeletion', 'PendingImport'] as const)('%s', async (state) => {
    function* cases(): Generator<Case> {
      let i = 0;
      for (const action of Object.keys(ASKED))
        for (const policy of POLICIES)
          for (const grant of ['none', 'for it'] as const)
            for (const who of WHO) {
              const context = CONTEXTS[i++ % CONTEXTS.length]!;
              yield { action, who, policy, grant, state, context, viaS3: i % 3 === 0 };
            }
    }
    const counts = await ask(cases());
    expect(total(counts)).toBe(Object.keys(ASKED).length * 7 * 2 * 10);
    expect(counts.get('')).toBeGreaterThan(200);
    expect(counts.get('AccessDeniedException')).toBeGreaterThan(1000);
  });
});
