import { expect, test } from 'vitest';
import { ACCOUNT, makeKms, OTHER_ACCOUNT, REGION, root, user, who } from './harness.js';

const ABSENT = '11111111-2222-4333-8444-555555555555';
const arnOf = (resource: string) => `arn:aws:kms:${REGION}:${ACCOUNT}:${resource}`;
const allow = (more: object = {}) => ({ Effect: 'Allow', Action: 'kms:*', Resource: '*', ...more });
const onContext = { Condition: { StringEquals: { 'kms:EncryptionContext:a': 'b' } } };

/** Whoever asks from elsewhere: what its own account allows it. */
const STRANGERS = {
  root: root(OTHER_ACCOUNT),
  'allowed all': user([allow()], OTHER_ACCOUNT),
  'allowed nothing': user([], OTHER_ACCOUNT),
  'allowed keys alone': user([allow({ Resource: 'arn:aws:kms:*:*:key/*' })], OTHER_ACCOUNT),
  'allowed by context': user([allow(onContext)], OTHER_ACCOUNT),
  'denied by itself': user([allow(), allow({ Effect: 'Deny' })], OTHER_ACCOUNT),
  anonymous: who({ kind: 'anonymous', accountId: '', arn: '', userId: '' }),
};
const REQUESTS: [string, object][] = [
  ['Encrypt', { Plaintext: 'AAAA', EncryptionContext: { a: 'b' } }],
  ['GenerateDataKey', { KeySpec: 'AES_256', EncryptionContext: { a: 'b' } }],
  ['DescribeKey', {}],
  ['GetKeyPolicy', {}],
  ['CreateGrant', { GranteePrincipal: root(OTHER_ACCOUNT).caller.arn, Operations: ['Encrypt'] }],
  ['RetireGrant', { GrantId: 'a'.repeat(64) }],
];
const POLICIES = {
  'its own account’s': undefined,
  'closed to the other account': JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { AWS: root().caller.arn }, Action: 'kms:*', Resource: '*' },
      { Effect: 'Deny', Principal: { AWS: root(OTHER_ACCOUNT).caller.arn }, Action: 'kms:*', Resource: '*' },
    ],
  }),
};

test('a stranger can’t tell whether another account has a key or an alias, whatever the policies of either say', async () => {
  let compared = 0;
  for (const [policyName, Policy] of Object.entries(POLICIES)) {
    const { ask, createKey } = makeKms();
    const { KeyId } = await createKey({ Policy });
    await ask('CreateAlias', { AliasName: 'alias/there', TargetKeyId: KeyId });
    const pairs = [
      [arnOf(`key/${KeyId}`), arnOf(`key/${ABSENT}`)],
      [arnOf('alias/there'), arnOf('alias/absent')],
    ] as const;
    for (const [name, stranger] of Object.entries(STRANGERS)) {
      for (const [action, members] of REQUESTS) {
        for (const [there, absent] of pairs) {
          const ofThere = await ask(action, { KeyId: there, ...members }, stranger);
          const ofAbsent = await ask(action, { KeyId: absent, ...members }, stranger);
          const text = JSON.stringify(ofThere).replaceAll(KeyId, ABSENT).replaceAll('alias/there', 'alias/absent');
          expect(text, `${name} ${action} ${there}, ${policyName}`).toBe(JSON.stringify(ofAbsent));
          if (there.includes('alias')) expect(JSON.stringify(ofThere)).not.toContain(KeyId);
          expect(ofThere.status).toBe(400);
          compared++;
        }
      }
    }
  }
  expect(compared).toBe(2 * 7 * 6 * 2);
});
