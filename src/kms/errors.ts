import { KmsError } from '../encryption/ports.js';
import { StoreUnavailable } from '../store/errors.js';

/** The answers of AWS KMS that more than one action gives. */
export const notFound = (message: string): KmsError => new KmsError('NotFoundException', message);
export const noSuchKey = (arn: string): KmsError => notFound(`Key '${arn}' does not exist`);
export const validation = (message: string): KmsError => new KmsError('ValidationException', message);
export const constraint = (value: string | undefined, at: string, rule: string): KmsError =>
  validation(
    `1 validation error detected: Value${value === undefined ? '' : ` '${value}'`} at '${at}' failed to satisfy constraint: ${rule}`,
  );
export const disabled = (arn: string): KmsError => new KmsError('DisabledException', `${arn} is disabled.`);
export const pendingDeletion = (arn: string): KmsError =>
  new KmsError('KMSInvalidStateException', `${arn} is pending deletion.`);
export const invalidCiphertext = (): KmsError => new KmsError('InvalidCiphertextException', '');
export const unsupported = (message = ''): KmsError => new KmsError('UnsupportedOperationException', message);
export const tooLarge = (): KmsError =>
  new KmsError('LimitExceededException', 'The policy, description and tags of the key are too large.');
export const serialization = (message = 'The request could not be read: a member has the wrong type.'): KmsError =>
  new KmsError('SerializationException', message);
/** AWS tells a successful dry run by an error. */
export const dryRunSucceeded = (): KmsError =>
  new KmsError('DryRunOperationException', 'The request would have succeeded, but the DryRun option is set.');
export const invalidKeyUsage = (arn: string, usage: string, action: string): KmsError =>
  new KmsError('InvalidKeyUsageException', `${arn} key usage is ${usage} which is not valid for ${action}.`);
export const wrongOrigin = (arn: string, origin: string): KmsError =>
  unsupported(`${arn} origin is ${origin} which is not valid for this operation.`);
export const incorrectKey = (): KmsError =>
  new KmsError(
    'IncorrectKeyException',
    'The key ID in the request does not identify a CMK that can perform this operation.',
  );

/** What is answered where the store writes nothing just now: AWS's error of status 503, which clients try again by themselves. */
export const UNAVAILABLE = 'DependencyTimeoutException';
/** The code that a failed request is answered with, also where it isn't KMS's own error. */
export function codeOf(error: unknown): string {
  if (error instanceof KmsError) return error.code;
  return error instanceof StoreUnavailable ? UNAVAILABLE : 'KMSInternalException';
}
