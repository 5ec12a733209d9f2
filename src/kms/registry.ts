import type { Action } from './action.js';
import { cancelKeyDeletion } from './actions/CancelKeyDeletion.js';
import { connectCustomKeyStore } from './actions/ConnectCustomKeyStore.js';
import { createAlias } from './actions/CreateAlias.js';
import { createCustomKeyStore } from './actions/CreateCustomKeyStore.js';
import { createGrant } from './actions/CreateGrant.js';
import { createKey } from './actions/CreateKey.js';
import { decapsulate } from './actions/Decapsulate.js';
import { decrypt } from './actions/Decrypt.js';
import { deleteAlias } from './actions/DeleteAlias.js';
import { deleteCustomKeyStore } from './actions/DeleteCustomKeyStore.js';
import { deleteImportedKeyMaterial } from './actions/DeleteImportedKeyMaterial.js';
import { deriveSharedSecret } from './actions/DeriveSharedSecret.js';
import { describeCustomKeyStores } from './actions/DescribeCustomKeyStores.js';
import { describeKey } from './actions/DescribeKey.js';
import { disableKey } from './actions/DisableKey.js';
import { disableKeyRotation } from './actions/DisableKeyRotation.js';
import { disconnectCustomKeyStore } from './actions/DisconnectCustomKeyStore.js';
import { enableKey } from './actions/EnableKey.js';
import { enableKeyRotation } from './actions/EnableKeyRotation.js';
import { encapsulate } from './actions/Encapsulate.js';
import { encrypt } from './actions/Encrypt.js';
import { generateDataKey } from './actions/GenerateDataKey.js';
import { generateDataKeyPair } from './actions/GenerateDataKeyPair.js';
import { generateDataKeyPairWithoutPlaintext } from './actions/GenerateDataKeyPairWithoutPlaintext.js';
import { generateDataKeyWithoutPlaintext } from './actions/GenerateDataKeyWithoutPlaintext.js';
import { generateMac } from './actions/GenerateMac.js';
import { generateRandom } from './actions/GenerateRandom.js';
import { getKeyLastUsage } from './actions/GetKeyLastUsage.js';
import { getKeyPolicy } from './actions/GetKeyPolicy.js';
import { getKeyRotationStatus } from './actions/GetKeyRotationStatus.js';
import { getParametersForImport } from './actions/GetParametersForImport.js';
import { getPublicKey } from './actions/GetPublicKey.js';
import { importKeyMaterial } from './actions/ImportKeyMaterial.js';
import { listAliases } from './actions/ListAliases.js';
import { listGrants } from './actions/ListGrants.js';
import { listKeyPolicies } from './actions/ListKeyPolicies.js';
import { listKeyRotations } from './actions/ListKeyRotations.js';
import { listKeys } from './actions/ListKeys.js';
import { listResourceTags } from './actions/ListResourceTags.js';
import { listRetirableGrants } from './actions/ListRetirableGrants.js';
import { putKeyPolicy } from './actions/PutKeyPolicy.js';
import { reEncrypt } from './actions/ReEncrypt.js';
import { replicateKey } from './actions/ReplicateKey.js';
import { retireGrant } from './actions/RetireGrant.js';
import { revokeGrant } from './actions/RevokeGrant.js';
import { rotateKeyOnDemand } from './actions/RotateKeyOnDemand.js';
import { scheduleKeyDeletion } from './actions/ScheduleKeyDeletion.js';
import { sign } from './actions/Sign.js';
import { tagResource } from './actions/TagResource.js';
import { untagResource } from './actions/UntagResource.js';
import { updateAlias } from './actions/UpdateAlias.js';
import { updateCustomKeyStore } from './actions/UpdateCustomKeyStore.js';
import { updateKeyDescription } from './actions/UpdateKeyDescription.js';
import { updatePrimaryRegion } from './actions/UpdatePrimaryRegion.js';
import { verify } from './actions/Verify.js';
import { verifyMac } from './actions/VerifyMac.js';

// biome-ignore lint/suspicious/noExplicitAny: each action has its own input
export const ACTIONS: ReadonlyMap<string, Action<any>> = new Map(
  [
    cancelKeyDeletion,
    connectCustomKeyStore,
    createAlias,
    createCustomKeyStore,
    createGrant,
    createKey,
    decapsulate,
    decrypt,
    deleteAlias,
    deleteCustomKeyStore,
    deleteImportedKeyMaterial,
    deriveSharedSecret,
    describeCustomKeyStores,
    describeKey,
    disableKey,
    disableKeyRotation,
    disconnectCustomKeyStore,
    enableKey,
    enableKeyRotation,
    encapsulate,
    encrypt,
    generateDataKey,
    generateDataKeyPair,
    generateDataKeyPairWithoutPlaintext,
    generateDataKeyWithoutPlaintext,
    generateMac,
    generateRandom,
    getKeyLastUsage,
    getKeyPolicy,
    getKeyRotationStatus,
    getParametersForImport,
    getPublicKey,
    importKeyMaterial,
    listAliases,
    listGrants,
    listKeyPolicies,
    listKeyRotations,
    listKeys,
    listResourceTags,
    listRetirableGrants,
    putKeyPolicy,
    reEncrypt,
    replicateKey,
    retireGrant,
    revokeGrant,
    rotateKeyOnDemand,
    scheduleKeyDeletion,
    sign,
    tagResource,
    untagResource,
    updateAlias,
    updateCustomKeyStore,
    updateKeyDescription,
    updatePrimaryRegion,
    verify,
    verifyMac,
    // biome-ignore lint/suspicious/noExplicitAny: as above
  ].map((one): [string, Action<any>] => [one.name, one as Action<any>]),
);
