import { KmsError } from '../../../encryption/ports.js';
import { type ConnectionErrorCode, KeyHolderError, KeyHolderUnavailable } from '../ports.js';

interface Scenario {
  message: string;
  /** Of CreateCustomKeyStore and UpdateCustomKeyStore. */
  keyStore: string;
  /** Of CreateKey. */
  createKey: string;
  /** Of ConnectCustomKeyStore, which is told by DescribeCustomKeyStores. */
  connection: ConnectionErrorCode;
}

const UNUSABLE = 'CustomKeyStoreInvalidStateException';
const RESPONSE = 'XksProxyInvalidResponseException';
const UNREACHABLE = 'XksProxyUriUnreachableException';
const CANNOT_INTERPRET =
  'AWS KMS cannot interpret the response from the external key store proxy. If you see this error repeatedly, report it to your external key store proxy administrator.';

/** What AWS KMS makes of a proxy's answers: "Error Codes" of the XKS proxy API specification, with its messages. */
const SCENARIOS = {
  ValidationException: {
    message: CANNOT_INTERPRET,
    keyStore: RESPONSE,
    createKey: UNUSABLE,
    connection: 'XKS_PROXY_INVALID_RESPONSE',
  },
  InvalidStateException: {
    message:
      'The external key associated with this KMS key in an external key store is not enabled in the external HSM. Enable the external key in the external HSM and retry the request.',
    keyStore: RESPONSE,
    createKey: 'XksKeyInvalidConfigurationException',
    connection: 'XKS_PROXY_NOT_REACHABLE',
  },
  InvalidCiphertextException: {
    message:
      'The external key store proxy rejected the request because the specified ciphertext or encryption context is corrupted, missing, or otherwise invalid.',
    keyStore: RESPONSE,
    createKey: UNUSABLE,
    connection: 'XKS_PROXY_INVALID_RESPONSE',
  },
  InvalidKeyUsageException: {
    message:
      'The external key associated with this KMS key in an external key store does not support the requested operation. Enable the operation on the key in your external HSM, and try the request again.',
    keyStore: RESPONSE,
    createKey: 'XksKeyInvalidConfigurationException',
    connection: 'XKS_PROXY_INVALID_RESPONSE',
  },
  AuthenticationFailedException: {
    message:
      'The external key store proxy rejected the request because it could not authenticate AWS KMS. Verify the XKS proxy authentication credentials for your external key store and update if necessary.',
    keyStore: 'XksProxyIncorrectAuthenticationCredentialException',
    createKey: UNUSABLE,
    connection: 'INVALID_CREDENTIALS',
  },
  AccessDeniedException: {
    message:
      'The external key store proxy denied access to the operation. Verify that the user and the external key are both authorized for this operation, and try the request again.',
    keyStore: RESPONSE,
    createKey: 'KMSInvalidStateException',
    connection: 'XKS_PROXY_ACCESS_DENIED',
  },
  KeyNotFoundException: {
    message:
      'The external key associated with this KMS key in an external key store was not found in its external HSM. If the external key ID associated with this KMS key is incorrect, create a new KMS key with the correct external key ID.',
    keyStore: RESPONSE,
    createKey: 'XksKeyNotFoundException',
    connection: 'XKS_PROXY_INVALID_RESPONSE',
  },
  InvalidUriPathException: {
    message:
      'The external key store proxy rejected the request because of an invalid URI path. Verify the URI path for your external key store and update if necessary.',
    keyStore: 'XksProxyInvalidConfigurationException',
    createKey: UNUSABLE,
    connection: 'XKS_PROXY_INVALID_CONFIGURATION',
  },
  UnsupportedOperationException: {
    message:
      'The external key store proxy rejected the request because it does not support the requested operation. If you see this error repeatedly, report it to your external key store proxy administrator.',
    keyStore: RESPONSE,
    // The specification says XksKeyInvalidResponseException here, which the API model doesn't have.
    createKey: UNUSABLE,
    connection: 'XKS_PROXY_INVALID_RESPONSE',
  },
  DependencyTimeoutException: {
    message:
      'The external key store proxy did not respond to the request in the time allotted. Retry the request. If you see this error repeatedly, report it to your external key store proxy administrator.',
    keyStore: UNREACHABLE,
    createKey: UNUSABLE,
    connection: 'XKS_PROXY_TIMED_OUT',
  },
  ThrottlingException: {
    message:
      'The external key store proxy rejected the request due to a very high request rate. Reduce the frequency of your calls using KMS keys in this external key store.',
    keyStore: UNREACHABLE,
    createKey: UNUSABLE,
    connection: 'XKS_PROXY_NOT_REACHABLE',
  },
  InternalException: {
    message:
      'The external key store proxy rejected the request because it cannot communicate with the external HSM. Verify that the external key store proxy configuration is correct and that the external HSM is available.',
    keyStore: RESPONSE,
    createKey: UNUSABLE,
    connection: 'XKS_PROXY_NOT_REACHABLE',
  },
  /** All that the proxy speaks for is UNAVAILABLE. */
  allUnavailable: {
    message:
      'The external key store proxy reports that all external key manager instances are unavailable. Verify that the external HSM is available.',
    keyStore: UNREACHABLE,
    createKey: UNUSABLE,
    connection: 'XKS_PROXY_NOT_REACHABLE',
  },
  noConnection: {
    message:
      'AWS KMS cannot communicate with the external key store proxy. This might be a transient network issue. If you see this error repeatedly, verify that your external key store proxy is active and is connected to the network, and that its endpoint URI is correct in your external key store.',
    keyStore: UNREACHABLE,
    createKey: UNUSABLE,
    connection: 'XKS_PROXY_NOT_REACHABLE',
  },
  /** Found by whoever connects, and not by the request: the name could show another address then. */
  notPublic: {
    message:
      'The external key store proxy has no public address. Where Coffer is to ask it all the same, COFFER_XKS_HOSTS has to name its host.',
    keyStore: 'XksProxyInvalidConfigurationException',
    createKey: UNUSABLE,
    connection: 'XKS_PROXY_INVALID_CONFIGURATION',
  },
  noTls: {
    message:
      'AWS KMS cannot establish a TLS connection to the external key store proxy. Verify the TLS configuration, including its certificate.',
    keyStore: UNREACHABLE,
    createKey: UNUSABLE,
    connection: 'XKS_PROXY_INVALID_TLS_CONFIGURATION',
  },
  timedOut: {
    message:
      'AWS KMS rejected the request because the external key store proxy did not respond in time. Retry the request. If you see this error repeatedly, report it to your external key store proxy administrator.',
    keyStore: UNREACHABLE,
    createKey: UNUSABLE,
    connection: 'XKS_PROXY_TIMED_OUT',
  },
  malformed: {
    message: CANNOT_INTERPRET,
    keyStore: RESPONSE,
    createKey: UNUSABLE,
    connection: 'XKS_PROXY_INVALID_RESPONSE',
  },
} as const satisfies Record<string, Scenario>;

export type XksScenario = keyof typeof SCENARIOS;

/** The proxy can be asked no more, or won't be: not about this key, but altogether. */
const UNAVAILABLE: ReadonlySet<XksScenario> = new Set<XksScenario>([
  'AuthenticationFailedException',
  'DependencyTimeoutException',
  'ThrottlingException',
  'InternalException',
  'allUnavailable',
  'noConnection',
  'notPublic',
  'noTls',
  'timedOut',
]);

/** A request to an external key store proxy failed. The proxy's own message is dropped, as AWS does. */
export class XksFailure extends Error {
  constructor(readonly scenario: XksScenario) {
    super(SCENARIOS[scenario].message);
  }

  get connectionCode(): ConnectionErrorCode {
    return SCENARIOS[this.scenario].connection;
  }

  /** What CreateCustomKeyStore and UpdateCustomKeyStore answer. */
  get ofKeyStore(): KmsError {
    return new KmsError(SCENARIOS[this.scenario].keyStore, this.message);
  }

  get ofKey(): KeyHolderError {
    const { message, createKey } = SCENARIOS[this.scenario];
    return UNAVAILABLE.has(this.scenario)
      ? new KeyHolderUnavailable(message, createKey)
      : new KeyHolderError(message, createKey);
  }
}

/** `errorName` of a proxy's answer; one that isn't in the specification can't be interpreted. */
export const scenarioOf = (errorName: unknown): XksScenario =>
  typeof errorName === 'string' && errorName.endsWith('Exception') && Object.hasOwn(SCENARIOS, errorName)
    ? (errorName as XksScenario)
    : 'malformed';
