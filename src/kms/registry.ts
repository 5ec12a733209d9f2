import type { Action } from './action.js';
import { cancelKeyDeletion } from './actions/CancelKeyDeletion.js';
import { createAlias } from './actions/CreateAlias.js';
import { createKey } from './actions/CreateKey.js';
import { decrypt } from './actions/Decrypt.js';
import { deleteAlias } from './actions/DeleteAlias.js';
import { describeKey } from './actions/DescribeKey.js';
import { disableKey } from './actions/DisableKey.js';
import { enableKey } from './actions/EnableKey.js';
import { encrypt } from './actions/Encrypt.js';
import { generateDataKey } from './actions/GenerateDataKey.js';
import { generateDataKeyWithoutPlaintext } from './actions/GenerateDataKeyWithoutPlaintext.js';
import { generateRandom } from './actions/GenerateRandom.js';
import { getKeyPolicy } from './actions/GetKeyPolicy.js';
import { getKeyRotationStatus } from './actions/GetKeyRotationStatus.js';
import { listAliases } from './actions/ListAliases.js';
import { listKeyPolicies } from './actions/ListKeyPolicies.js';
import { listKeyRotations } from './actions/ListKeyRotations.js';
import { listKeys } from './actions/ListKeys.js';
import { listResourceTags } from './actions/ListResourceTags.js';
import { putKeyPolicy } from './actions/PutKeyPolicy.js';
import { reEncrypt } from './actions/ReEncrypt.js';
import { rotateKeyOnDemand } from './actions/RotateKeyOnDemand.js';
import { scheduleKeyDeletion } from './actions/ScheduleKeyDeletion.js';
import { tagResource } from './actions/TagResource.js';
import { untagResource } from './actions/UntagResource.js';
import { updateAlias } from './actions/UpdateAlias.js';
import { updateKeyDescription } from './actions/UpdateKeyDescription.js';

// biome-ignore lint/suspicious/noExplicitAny: each action has its own input
export const ACTIONS: ReadonlyMap<string, Action<any>> = new Map(
  [
    cancelKeyDeletion,
    createAlias,
    createKey,
    decrypt,
    deleteAlias,
    describeKey,
    disableKey,
    enableKey,
    encrypt,
    generateDataKey,
    generateDataKeyWithoutPlaintext,
    generateRandom,
    getKeyPolicy,
    getKeyRotationStatus,
    listAliases,
    listKeyPolicies,
    listKeyRotations,
    listKeys,
    listResourceTags,
    putKeyPolicy,
    reEncrypt,
    rotateKeyOnDemand,
    scheduleKeyDeletion,
    tagResource,
    untagResource,
    updateAlias,
    updateKeyDescription,
    // biome-ignore lint/suspicious/noExplicitAny: as above
  ].map((one): [string, Action<any>] => [one.name, one as Action<any>]),
);

/** What AWS KMS has besides: answered UnsupportedOperationException. */
export const UNSUPPORTED: ReadonlySet<string> = new Set([
  'ConnectCustomKeyStore',
  'CreateCustomKeyStore',
  'CreateGrant',
  'DeleteCustomKeyStore',
  'DeleteImportedKeyMaterial',
  'DeriveSharedSecret',
  'DescribeCustomKeyStores',
  'DisableKeyRotation',
  'DisconnectCustomKeyStore',
  'EnableKeyRotation',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
  'GenerateMac',
  'GetKeyLastUsage',
  'GetParametersForImport',
  'GetPublicKey',
  'ImportKeyMaterial',
  'ListGrants',
  'ListRetirableGrants',
  'ReplicateKey',
  'RetireGrant',
  'RevokeGrant',
  'Sign',
  'UpdateCustomKeyStore',
  'UpdatePrimaryRegion',
  'Verify',
  'VerifyMac',
]);
