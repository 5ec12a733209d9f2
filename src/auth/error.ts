import type { Service } from './ports.js';

/** A request that isn't who it says it is. Codes, statuses and messages are those of the service that was asked. */
export class AuthError extends Error {
  override name = 'AuthError';
  constructor(
    readonly code: string,
    readonly status: number,
    message: string,
    /** The code's own elements, where the service's errors have such. */
    readonly extra: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** What S3 calls a failure, and what the JSON services (KMS, CloudHSM) and the query services (STS) call it. */
const OTHER_NAMES: Record<string, Partial<Record<Service, [code: string, status: number, message?: string]>>> = {
  InvalidAccessKeyId: {
    kms: ['UnrecognizedClientException', 400, 'The security token included in the request is invalid.'],
    sts: ['InvalidClientTokenId', 403, 'The security token included in the request is invalid.'],
  },
  InvalidToken: {
    kms: ['UnrecognizedClientException', 400, 'The security token included in the request is invalid.'],
    sts: ['InvalidClientTokenId', 403, 'The security token included in the request is invalid.'],
  },
  SignatureDoesNotMatch: {
    kms: [
      'InvalidSignatureException',
      400,
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
    ],
    sts: [
      'SignatureDoesNotMatch',
      403,
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
    ],
  },
  RequestTimeTooSkewed: {
    kms: ['InvalidSignatureException', 400, 'Signature expired or not yet current.'],
    sts: ['SignatureDoesNotMatch', 403, 'Signature expired or not yet current.'],
  },
  HeaderNotSigned: { kms: ['InvalidSignatureException', 400], sts: ['SignatureDoesNotMatch', 403] },
  AuthorizationHeaderMalformed: { kms: ['IncompleteSignatureException', 400], sts: ['IncompleteSignature', 400] },
  AuthorizationQueryParametersError: { kms: ['IncompleteSignatureException', 400], sts: ['IncompleteSignature', 400] },
};

export function forService(error: AuthError, service: Service): AuthError {
  const other = OTHER_NAMES[error.code]?.[service === 'cloudhsm' ? 'kms' : service];
  if (!other) return error;
  const [code, status, message] = other;
  return new AuthError(code, status, message ?? error.message);
}
