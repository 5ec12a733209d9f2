import { isDeepStrictEqual } from 'node:util';
import { KmsError } from '../../encryption/ports.js';
import { untilCommitted } from '../../store/conflict.js';
import { type Answer, keyAction } from '../action.js';
import type { Call } from '../call.js';
import type { RequestFacts } from '../conditions.js';
import { validation } from '../errors.js';
import { missingAt } from '../fields.js';
import { GRANTS_PER_KEY_MAX, type KeyGrants } from '../grant-book.js';
import type { GrantRecord } from '../grant-record.js';
import {
  type NamedPrincipal,
  readConstraints,
  readOperations,
  readPrincipal,
  requireGrantable,
  requirePrincipal,
} from '../grant-request.js';
import { grantsTo, isWithin, newGrantToken } from '../grants.js';
import type { KeyRecord } from '../key-record.js';

type Asked = Pick<
  GrantRecord,
  'grantee' | 'granteeService' | 'operations' | 'retiring' | 'retiringService' | 'constraints' | 'name'
>;

export const createGrant = keyAction({
  name: 'CreateGrant',
  input: (input): Asked => {
    const grantee = readPrincipal(input, 'Grantee');
    const retiring = readPrincipal(input, 'Retiring');
    const name = input.text('Name', { min: 1, max: 256, pattern: '^[a-zA-Z0-9:/_-]+$' });
    const constraints = readConstraints(input);
    input.grantTokens();
    const operations = readOperations(input);
    if (!grantee) throw missingAt('granteePrincipal');
    if (grantee.service) requireServiceGrant(constraints, retiring);
    return {
      grantee: grantee.principal,
      ...(grantee.service && { granteeService: true }),
      operations,
      ...(retiring && { retiring: retiring.principal }),
      ...(retiring?.service && { retiringService: true }),
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
    const { principals, region } = call.keys.parts;
    if (!asked.granteeService) requirePrincipal(asked.grantee, region, principals);
    if (!asked.retiringService) requirePrincipal(asked.retiring, region, principals);
    requireGrantable(record, asked.operations, asked.constraints);
    if (call.grant) requireWithin(call, record, await call.keys.ring.grants.of(record.accountId, record.keyId), asked);
  },
  handle(asked, record, call) {
    const make = () => untilCommitted(() => findOrMake(asked, record, call));
    return asked.name === undefined ? make() : call.keys.ring.grants.inTurn(`${record.keyId}/${asked.name}`, make);
  },
});

/** A service works for many: its grant says on whose behalf, and who ends it. @throws ValidationException */
function requireServiceGrant(constraints: Asked['constraints'], retiring: NamedPrincipal | undefined): void {
  if (constraints?.SourceArn === undefined) {
    throw validation('You must specify a SourceArn grant constraint when you specify a GranteeServicePrincipal.');
  }
  if (retiring) return;
  throw validation(
    'You must specify either a RetiringPrincipal or a RetiringServicePrincipal when you specify a GranteeServicePrincipal.',
  );
}

/** Undefined: another process made or ended grants of the key meanwhile, and one of them may have this name. */
async function findOrMake(asked: Asked, record: KeyRecord, call: Call): Promise<Answer | undefined> {
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
  const beside = asked.name === undefined ? undefined : held;
  if (await grants.create(grant, call.committing, beside)) return answered;
  if (beside?.generation === undefined) throw new Error('a grant could not be created');
  return undefined;
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
  grant.granteeService === asked.granteeService &&
  grant.retiring === asked.retiring &&
  grant.retiringService === asked.retiringService &&
  isDeepStrictEqual(new Set(grant.operations), new Set(asked.operations)) &&
  isDeepStrictEqual(grant.constraints, asked.constraints);
