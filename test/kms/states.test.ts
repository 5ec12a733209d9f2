import { describe, expect, test } from 'vitest';
import { ACTIONS } from '../../src/kms/registry.js';
import { actionOf, inputOf, prepareKey, REQUESTED, REQUESTS } from './requests.js';

type Outcome = 'ok' | 'disabled' | 'pending deletion' | 'not pending deletion' | 'pending import' | 'imported';
const STATES = ['Enabled', 'Disabled', 'PendingDeletion', 'PendingImport'] as const;
type Row = [enabled: Outcome, disabled: Outcome, pendingDeletion: Outcome, pendingImport: Outcome];

const ANY: Row = ['ok', 'ok', 'ok', 'ok'];
const USE: Row = ['ok', 'disabled', 'pending deletion', 'pending import'];
const LIVE: Row = ['ok', 'ok', 'pending deletion', 'ok'];
const ABLE: Row = ['ok', 'ok', 'pending deletion', 'pending import'];
/** A key that waits for its import has imported material: of those none rotates by itself. */
const SCHEDULE: Row = ['ok', 'disabled', 'pending deletion', 'imported'];

/** https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html */
const TABLE: Record<string, Row> = {
  CancelKeyDeletion: ['not pending deletion', 'not pending deletion', 'ok', 'not pending deletion'],
  CreateAlias: LIVE,
  CreateGrant: USE,
  Decapsulate: USE,
  Decrypt: USE,
  DeleteAlias: ANY,
  DeleteImportedKeyMaterial: ANY,
  DeriveSharedSecret: USE,
  DescribeKey: ANY,
  DisableKey: ABLE,
  DisableKeyRotation: SCHEDULE,
  EnableKey: ABLE,
  EnableKeyRotation: SCHEDULE,
  Encapsulate: USE,
  Encrypt: USE,
  GenerateDataKey: USE,
  GenerateDataKeyPair: USE,
  GenerateDataKeyPairWithoutPlaintext: USE,
  GenerateDataKeyWithoutPlaintext: USE,
  GenerateMac: USE,
  GetKeyLastUsage: ANY,
  GetKeyPolicy: ANY,
  GetKeyRotationStatus: ANY,
  GetParametersForImport: LIVE,
  GetPublicKey: USE,
  ImportKeyMaterial: LIVE,
  ListAliases: ANY,
  ListGrants: ANY,
  ListKeyPolicies: ANY,
  ListKeyRotations: ANY,
  ListResourceTags: ANY,
  PutKeyPolicy: ANY,
  'ReEncrypt as source': USE,
  'ReEncrypt as destination': USE,
  ReplicateKey: USE,
  RetireGrant: ANY,
  RevokeGrant: ANY,
  RotateKeyOnDemand: USE,
  ScheduleKeyDeletion: LIVE,
  Sign: USE,
  TagResource: LIVE,
  UntagResource: LIVE,
  UpdateAlias: LIVE,
  UpdateKeyDescription: LIVE,
  UpdatePrimaryRegion: USE,
  Verify: USE,
  VerifyMac: USE,
};

const expected = (outcome: Outcome, arn: string): object => {
  const invalid = (message: string) => ({ __type: 'KMSInvalidStateException', message: `${arn} is ${message}.` });
  switch (outcome) {
    case 'ok':
      return {};
    case 'disabled':
      return { __type: 'DisabledException', message: `${arn} is disabled.` };
    case 'imported': {
      const message = `${arn} origin is EXTERNAL which is not valid for this operation.`;
      return { __type: 'UnsupportedOperationException', message };
    }
    default:
      return invalid(outcome);
  }
};

const LEADING: Record<(typeof STATES)[number], string | undefined> = {
  Enabled: undefined,
  Disabled: 'DisableKey',
  PendingDeletion: 'ScheduleKeyDeletion',
  PendingImport: 'DeleteImportedKeyMaterial',
};

/** Makes a request while the key is enabled, brings the key into the state, and then asks. */
async function askIn(state: (typeof STATES)[number], name: string) {
  const kind = REQUESTS[name]!.kind ?? 'symmetric';
  const key = await prepareKey(state === 'PendingImport' && kind === 'own' ? 'symmetric' : kind);
  const input = await inputOf(name, key);
  const { ask, KeyId, Arn } = key;
  if (LEADING[state]) await ask(LEADING[state], { KeyId });
  expect((await ask('DescribeKey', { KeyId })).json.KeyMetadata.KeyState).toBe(state);
  const { status, json } = await ask(actionOf(name), input);
  return { Arn, answer: status === 200 ? {} : json };
}

describe('an action on a key is allowed in the states of AWS’s table', () => {
  test('the table has every action', () => {
    expect(Object.keys(TABLE)).toEqual(Object.keys(REQUESTS));
    expect(REQUESTED).toEqual([...ACTIONS.keys()].sort());
  });

  for (const [name, row] of Object.entries(TABLE)) {
    test(name, async () => {
      for (const [i, state] of STATES.entries()) {
        const { Arn, answer } = await askIn(state, name);
        expect({ state, ...answer }).toEqual({ state, ...expected(row[i]!, Arn) });
      }
    });
  }
});
