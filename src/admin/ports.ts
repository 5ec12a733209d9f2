import type { Caller } from '../auth/ports.js';
import type { Secret } from '../base/secret.js';
import type { Officers } from '../cloudhsm/officers.js';
import type { AuditTrail } from '../kms/audit/trail.js';
import type { Kms } from '../kms/kms.js';
import type { Pkcs11Uri } from '../pkcs11/uri.js';
import type { ConditionValues } from '../policy/ports.js';
import type { Services } from '../s3/services.js';
import type { KeyPlaces } from '../seal/key-places.js';
import type { RecordSealer } from '../seal/ports.js';
import type { CopiedStore } from '../store/copy/copy.js';
import type { MetaStore } from '../store/ports.js';

/** What commands work on: the data as a server has them open, or the command itself where no server runs. */
export interface AdminData {
  storeId: string;
  /** Hex. It stands in clear in sealed values and is no secret. */
  rootKeyId: string;
  sealer: RecordSealer;
  /** All there are, 12 digits each. */
  accountIds: readonly string[];
  /** The root of an account. */
  rootOf(accountId: string): Caller | undefined;
  services: Services;
  /** Absent where a remote KMS is used. */
  kms: Kms | undefined;
  /** Absent where `COFFER_HSM_FILE` isn't set. */
  officers: Officers | undefined;
  /** Of the built-in key service. */
  audit: AuditTrail | undefined;
}

/** How a command runs that works on open data. */
export interface DataContext {
  data: AdminData;
  /** The root of an account, who may see what is that account's. Absent offline: who holds the root key may see everything. */
  caller: Caller | undefined;
  /** Absent offline. */
  request?: { id: string; conditions: ConditionValues };
}

/** How a command runs that needs the data for itself, with nothing opened but the store. */
export interface OfflineContext {
  meta: MetaStore;
  /** As `Store.compactMeta`. */
  compactMeta(): Promise<void>;
  places: KeyPlaces;
  /** As settings give it: one of these, or the default place. */
  rootKeyFile: string | undefined;
  passphrase: Secret | undefined;
  pkcs11: { uri: Pkcs11Uri; pin: Secret } | undefined;
  /** `COFFER_NEW_ROOT_KEY_PASSPHRASE`. */
  newPassphrase: Secret | undefined;
  /** `COFFER_NEW_ROOT_KEY_PKCS11_PIN_FILE`. */
  newPin: Secret | undefined;
  /** @throws ConfigError where a key must not lie there. */
  requireKeyMayLieAt(path: string): void;
  /** Asks on the terminal whether to go on. Undefined: there is no terminal. */
  confirm(question: string): Promise<boolean | undefined>;
  /** Asks on the terminal, without echo. Undefined: there is no terminal. */
  ask(question: string): Promise<Secret | undefined>;
}

/** A store that is open and that nobody serves from. */
export interface ClosableStore extends CopiedStore {
  close(): Promise<void>;
}

/** How a command runs that opens stores itself. */
export interface EnginesContext {
  /** The data directory of an embedded store. @throws ConfigError where there is none, StoreInUse */
  openEmbedded(directory: string): Promise<ClosableStore>;
  /** What `COFFER_META` and `COFFER_BLOBS` name; an empty database becomes the store of this id. @throws ConfigError where they are embedded */
  openShared(storeId: string): Promise<ClosableStore>;
}
