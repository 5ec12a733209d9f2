import { expect, test } from 'vitest';
import type { GrantConstraints, GrantRecord } from '../../src/kms/grant-record.js';
import { isWithin } from '../../src/kms/grants.js';
import { ACCOUNT, makeKms, user } from './harness.js';

type Context = Record<string, string>;

/** All contexts over these keys with values x and y. */
function contextsOver(keys: readonly string[]): Context[] {
  const [first, ...rest] = keys;
  if (first === undefined) return [{}];
  return contextsOver(rest).flatMap((one) => [one, { [first]: 'x', ...one }, { [first]: 'y', ...one }]);
}

/** Constraints speak of a and b; contexts may have more. */
const CONTEXTS = contextsOver(['a', 'b', 'c']);
const PAIRS = [undefined, ...contextsOver(['a', 'b'])];
const CONSTRAINTS = PAIRS.flatMap((EncryptionContextEquals) =>
  PAIRS.map(
    (EncryptionContextSubset): GrantConstraints => ({
      ...(EncryptionContextEquals && { EncryptionContextEquals }),
      ...(EncryptionContextSubset && { EncryptionContextSubset }),
    }),
  ),
);

/** The contexts that constraints let through, by their index: text by text. */
function allowed({ EncryptionContextEquals: equal, EncryptionContextSubset: subset }: GrantConstraints): boolean[] {
  const lines = (context: Context) => Object.entries(context).map((pair) => pair.join('='));
  return CONTEXTS.map((context) => {
    const own = lines(context);
    if (equal && lines(equal).sort().join() !== [...own].sort().join()) return false;
    return !subset || lines(subset).every((line) => own.includes(line));
  });
}

const ALLOWED = CONSTRAINTS.map(allowed);
const parentOf = (constraints: GrantConstraints): GrantRecord =>
  ({ operations: ['CreateGrant', 'Encrypt', 'Decrypt'], constraints }) as Partial<GrantRecord> as GrantRecord;

test('a grant within another allows no context that the other doesn’t allow, and what allows none else is within', () => {
  let [within, without] = [0, 0];
  for (const [i, parent] of CONSTRAINTS.entries()) {
    for (const [j, child] of CONSTRAINTS.entries()) {
      const contained = ALLOWED[j]!.every((one, k) => !one || ALLOWED[i]![k]);
      const empty = !ALLOWED[j]!.includes(true);
      const answer = isWithin(parentOf(parent), ['Encrypt'], child);
      const title = JSON.stringify({ parent, child });
      if (answer) expect(contained, title).toBe(true);
      // A grant that allows nothing may be refused.
      else expect(contained && !empty, title).toBe(false);
      answer ? within++ : without++;
    }
  }
  expect(within + without).toBe(10_000);
  expect(Math.min(within, without)).toBeGreaterThan(500);
});

test('a grantee grants on what its grant holds, and nothing else', async () => {
  const { ask, createKey } = makeKms();
  const [alice, GranteePrincipal] = [user(), `arn:aws:iam::${ACCOUNT}:user/carol`];
  let [granted, refused] = [0, 0];
  for (const [i, parent] of CONSTRAINTS.entries()) {
    if (i % 7 !== 0) continue;
    const { KeyId } = await createKey();
    const Operations = ['CreateGrant', 'Encrypt'];
    const given = { KeyId, GranteePrincipal: alice.caller.arn, Operations, Constraints: parent };
    expect((await ask('CreateGrant', given)).status).toBe(200);
    for (const [j, child] of CONSTRAINTS.entries()) {
      if (j % 11 !== 0) continue;
      const asked = { KeyId, GranteePrincipal, Constraints: child };
      const { json } = await ask('CreateGrant', { ...asked, Operations: ['Encrypt'] }, alice);
      if (json.GrantId) expect(ALLOWED[j]!.every((one, k) => !one || ALLOWED[i]![k])).toBe(true);
      else expect(json.__type).toBe('AccessDeniedException');
      json.GrantId ? granted++ : refused++;
      for (const more of [['Decrypt'], ['Encrypt', 'Decrypt'], ['CreateGrant', 'DescribeKey']]) {
        const beyond = await ask('CreateGrant', { ...asked, Operations: more }, alice);
        expect(beyond.json.__type).toBe('AccessDeniedException');
      }
    }
  }
  expect(granted + refused).toBe(150);
  expect(Math.min(granted, refused)).toBeGreaterThan(10);
});

test('operations and constraints have to be in one grant of the grantee', async () => {
  const { ask, createKey } = makeKms();
  const { KeyId } = await createKey();
  const alice = user();
  const give = (Operations: string[], EncryptionContextSubset: Context) =>
    ask('CreateGrant', {
      KeyId,
      GranteePrincipal: alice.caller.arn,
      Operations,
      Constraints: { EncryptionContextSubset },
    });
  await give(['CreateGrant', 'Encrypt'], { a: 'x' });
  await give(['CreateGrant', 'Decrypt'], { b: 'x' });
  await give(['GenerateDataKey'], {});
  const pass = async (Operations: string[], EncryptionContextSubset: Context) => {
    const Constraints = { EncryptionContextSubset };
    const GranteePrincipal = `arn:aws:iam::${ACCOUNT}:user/carol`;
    return (await ask('CreateGrant', { KeyId, GranteePrincipal, Operations, Constraints }, alice)).json.__type ?? '';
  };
  const refusal = 'AccessDeniedException';
  expect(await pass(['Encrypt'], { a: 'x' })).toBe('');
  expect(await pass(['Decrypt'], { b: 'x', a: 'y' })).toBe('');
  expect(await pass(['Encrypt'], { b: 'x' })).toBe(refusal);
  expect(await pass(['Encrypt', 'Decrypt'], { a: 'x', b: 'x' })).toBe(refusal);
  expect(await pass(['GenerateDataKey'], { a: 'x' })).toBe(refusal);
});
