import type { Secret } from '../base/secret.js';

/** Why a custom key store isn't connected: AWS's ConnectionErrorCode. */
export class ConnectionError extends Error {
  override name = 'ConnectionError';
  constructor(readonly code: string) {
    super(code);
  }
}

/** Nothing that holds the keys can be reached just now. */
export class KeyHolderUnavailable extends Error {
  override name = 'KeyHolderUnavailable';
}

/** The ciphertext isn't one of this key, or not under this additional data. */
export class NotDecrypted extends Error {
  override name = 'NotDecrypted';
}

/** Key material that lies outside of Coffer, in one connected custom key store. Symmetric AES-256 alone. */
export interface KeyHolder {
  /** @throws ConnectionError */
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  /** Makes a sensitive key in all members, or finds out about one that is there. @returns what it is referred to by from now on */
  makeKey(keyId: string): Promise<string>;
  /** What isn't there is deleted already. @throws KeyHolderUnavailable */
  deleteKey(reference: string): Promise<void>;
  /** `aad`: the encoded encryption context with the blob's header. @throws KeyHolderUnavailable */
  encrypt(reference: string, plaintext: Buffer, aad: Buffer): Promise<Buffer>;
  /** @throws KeyHolderUnavailable, NotDecrypted */
  decrypt(reference: string, ciphertext: Buffer, aad: Buffer): Promise<Buffer>;
}

/** A cluster, as CreateCustomKeyStore looks at it. */
export interface ClusterFacts {
  /** ClusterState of the CloudHSM API. */
  state: string;
  /** PEM, as InitializeCluster got it. */
  trustAnchor: string | undefined;
  activeMembers: number;
  /** One member is enough: for trials. */
  allowSingleMember: boolean;
}

/** How `kms/` gets at the clusters of `cloudhsm/`, which it doesn't import. */
export interface Clusters {
  describe(accountId: string, clusterId: string): Promise<ClusterFacts | undefined>;
  holder(accountId: string, clusterId: string, keyStorePassword: Secret): KeyHolder;
}
