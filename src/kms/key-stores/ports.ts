import type { Secret } from '../../base/secret.js';

/** On whose behalf the holder of a key is asked: what an external key manager may log, and decide on. */
export interface HolderCall {
  /** ARN of the principal that called KMS, or the service that did in its place. */
  awsPrincipalArn: string;
  /** The KMS operation, or `ConnectCustomKeyStore` and the like. */
  kmsOperation: string;
  kmsRequestId: string;
  /** Absent while the key is being made. */
  kmsKeyArn?: string | undefined;
  /** `s3.us-east-1.amazonaws.com`, where a service asked. */
  kmsViaService?: string | undefined;
}

/**
 * Key material that lies outside of Coffer, in one connected custom key store. Symmetric AES-256 alone. A holder is asked from many
 * requests at once; it keeps the plaintexts and secrets that it is given out of logs and errors.
 */
export interface KeyHolder {
  /** @throws ConnectionError with AWS's ConnectionErrorCode */
  connect(call: HolderCall): Promise<void>;
  disconnect(): Promise<void>;
  /**
   * CloudHSM: makes a sensitive AES-256 key in all members and returns its reference (CKA_ID, hex). `keyId`: of the KMS key, for
   * the label. @throws KeyHolderUnavailable
   */
  makeKey(keyId: string, call: HolderCall): Promise<string>;
  /** In all members; one that is gone already is no error. @throws KeyHolderUnavailable */
  deleteKey(reference: string): Promise<void>;
  /**
   * `aad`: what the ciphertext is bound to, 81 bytes (FORMAT.md, "KMS ciphertext blob"). What it answers is opaque to KMS, at most
   * `plaintext.length` + 128 bytes. @throws KeyHolderUnavailable, KeyHolderError
   */
  encrypt(reference: string, plaintext: Buffer, aad: Buffer, call: HolderCall): Promise<Buffer>;
  /** @throws KeyHolderUnavailable, KeyHolderError, InvalidHeldCiphertext where anything was changed */
  decrypt(reference: string, ciphertext: Buffer, aad: Buffer, call: HolderCall): Promise<Buffer>;
  /** Random bytes of the holder's own source, at most 1,024. Proxies have none. @throws KeyHolderUnavailable */
  random?(bytes: number): Promise<Buffer>;
  /** Of what is behind a proxy. @throws ConnectionError where nothing of it serves */
  health?(call: HolderCall): Promise<FleetStates>;
}

/** How many external key managers are in which state, as their proxy says: XksExternalKeyManagerStates of AWS's metrics. */
export interface FleetStates {
  active: number;
  degraded: number;
  unavailable: number;
}

export interface ClusterFacts {
  /** As DescribeClusters of CloudHSM v2 has it: `ACTIVE`, … */
  state: string;
  /** PEM, as InitializeCluster was given it. */
  trustAnchor: string | undefined;
  /** How many HSMs are active. */
  activeMembers: number;
  /** For trials: keys are made with one active HSM too. */
  allowSingleMember: boolean;
}

/** How the key service gets at AWS CloudHSM clusters: implemented by the room that serves them, injected by `gateway/`. */
export interface Clusters {
  /** Undefined where the account has no such cluster. */
  describe(accountId: string, clusterId: string): Promise<ClusterFacts | undefined>;
  /** `keyStorePassword`: of the crypto user `kmsuser`. Connects nothing yet. */
  holder(accountId: string, clusterId: string, keyStorePassword: Secret): KeyHolder;
}

/** ConnectionErrorCodeType of the API model. */
export type ConnectionErrorCode =
  | 'INVALID_CREDENTIALS'
  | 'CLUSTER_NOT_FOUND'
  | 'NETWORK_ERRORS'
  | 'INTERNAL_ERROR'
  | 'INSUFFICIENT_CLOUDHSM_HSMS'
  | 'USER_LOCKED_OUT'
  | 'USER_NOT_FOUND'
  | 'USER_LOGGED_IN'
  | 'SUBNET_NOT_FOUND'
  | 'INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET'
  | 'XKS_PROXY_ACCESS_DENIED'
  | 'XKS_PROXY_NOT_REACHABLE'
  | 'XKS_VPC_ENDPOINT_SERVICE_NOT_FOUND'
  | 'XKS_PROXY_INVALID_RESPONSE'
  | 'XKS_PROXY_INVALID_CONFIGURATION'
  | 'XKS_VPC_ENDPOINT_SERVICE_INVALID_CONFIGURATION'
  | 'XKS_PROXY_TIMED_OUT'
  | 'XKS_PROXY_INVALID_TLS_CONFIGURATION';

/** A custom key store can't be connected: DescribeCustomKeyStores tells the code. */
export class ConnectionError extends Error {
  constructor(
    readonly code: ConnectionErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** A holder said no, or nothing. A use of the key is answered KMSInvalidStateException with this message, as AWS KMS does. */
export class KeyHolderError extends Error {
  /** `createKeyCode`: what CreateKey answers. The message names no secret: clients read it. */
  constructor(
    message: string,
    readonly createKeyCode = 'CustomKeyStoreInvalidStateException',
  ) {
    super(message);
  }
}

/** The holder can't be reached, or doesn't let Coffer in. */
export class KeyHolderUnavailable extends KeyHolderError {}

/** Ciphertext or additional data aren't what was encrypted: InvalidCiphertextException. */
export class InvalidHeldCiphertext extends Error {}
