import { isDeepStrictEqual } from 'node:util';
import { KmsError } from '../../encryption/ports.js';
import { type Answer, keyAction } from '../action.js';
import type { Call } from '../call.js';
import type { RequestFacts } from '../conditions.js';
import { GRANTS_PER_KEY_MAX, type KeyGrants } from '../grant-book.js';
import type { GrantRecord } from '../grant-record.js';
import { PRINCIPAL_ID, readConstraints, readOperations, requireGrantable, requirePrincipal } from '../grant-request.js';
import { grantsTo, isWithin, newGrantToken } from '../grants.js';
import type { KeyRecord } from '../key-record.js';

type Asked = Pick<GrantRecord, 'grantee' | 'operations'> &
  Partial<Pick<GrantRecord, 'retiring' | 'constraints' | 'name'>>;

export const createGrant = keyAction({
  name: 'CreateGrant',
  input: (input): Asked => {
    const grantee = input.requiredText('GranteePrincipal', PRINCIPAL_ID);
    const retiring = input.text('RetiringPrincipal', PRINCIPAL_ID);
    const name = input.text('Name', { min: 1, max: 256, pattern: '^[a-zA-Z0-9:/_-]+$' });
    const constraints = readConstraints(input);
    input.grantTokens();
    return {
      grantee,
      operations: readOperations(input),
      ...(retiring !== undefined && { retiring }),
      ...(constraints && { constraints }),
      ...(name !== undefined && { name }),
    };
  },
  needs: (asked): RequestFacts => ({
    keys: {
      'kms:grantoperations': asked.operations,
      'kms:granteeprincipal': asked.grantee,
      'kms:retiringprincipal': asked.retiring,
      'kms:grantconstrainttype': asked.constraints && Object.keys(asked.constraints),
    },
  }),
  states: 'usable',
  otherAccounts: true,
  dryRun: true,
  async check(record, _, asked, call) {
    const { principals } = call.keys.parts;
    for (const named of [asked.grantee, asked.retiring]) requirePrincipal(named, principals);
    requireGrantable(record, asked.operations, asked.constraints);
    if (call.grant) requireWithin(call, record, await call.keys.ring.grants.of(record.accountId, record.keyId), asked);
  },
  handle(asked, record, call) {
    const make = () => findOrMake(asked, record, call);
    return asked.name === undefined ? make() : call.keys.ring.grants.inTurn(`${record.keyId}/${asked.name}`, make);
  },
});

async function findOrMake(asked: Asked, record: KeyRecord, call: Call): Promise<Answer> {
  const { grants } = call.keys.ring;
  const held = await grants.of(record.accountId, record.keyId);
  call.note({ details: { GranteePrincipal: asked.grantee, Operations: asked.operations.join(',') } });
  // A retry under the same name answers with the grant that the first attempt made.
  const same = asked.name === undefined ? undefined : [...held.byId.values()].find((one) => isSame(one, asked));
  if (same) return answer(call, same);
  if (held.byId.size >= GRANTS_PER_KEY_MAX) {
    throw new KmsError('LimitExceededException', `A key has at most ${GRANTS_PER_KEY_MAX} grants.`);
  }
  const { accountId, keyId } = record;
  const issuingAccountId = call.who.caller.accountId;
  const createdMs = call.keys.clock.now();
  const grant = grants.draw({ ...asked, accountId, keyId, issuingAccountId, createdMs });
  const answered = answer(call, grant);
  if (!(await grants.create(grant, call.committing))) throw new Error('a grant could not be created');
  return answered;
}

function answer(call: Call, grant: GrantRecord): Answer {
  call.note({ details: { GrantId: grant.grantId } });
  return { GrantToken: newGrantToken(grant), GrantId: grant.grantId };
}

/** Where a grant alone allows CreateGrant, one of the caller's grants has to hold all that is granted on. */
function requireWithin(call: Call, record: KeyRecord, held: KeyGrants, asked: Asked): void {
  const parents = grantsTo(held, call.who.caller).filter((one) => one.operations.includes('CreateGrant'));
  if (parents.some((parent) => isWithin(parent, asked.operations, asked.constraints))) return;
  throw new KmsError(
    'AccessDeniedException',
    `User: ${call.who.caller.arn} is not authorized to perform: kms:CreateGrant on resource: ${call.keys.arn(record)} because the grant would allow more than the grant that permits it`,
  );
}

const isSame = (grant: GrantRecord, asked: Asked): boolean =>
  grant.name === asked.name &&
  grant.grantee === asked.grantee &&
  grant.retiring === asked.retiring &&
  isDeepStrictEqual(new Set(grant.operations), new Set(asked.operations)) &&
  isDeepStrictEqual(grant.constraints, asked.constraints);
