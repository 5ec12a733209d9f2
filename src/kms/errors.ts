import { KmsError } from '../encryption/ports.js';

/** The answers of AWS KMS that more than one action gives. */
export const notFound = (message: string): KmsError => new KmsError('NotFoundException', message);
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
export const serialization = (): KmsError =>
  new KmsError('SerializationException', 'The request could not be read: a member has the wrong type.');
/** Where the request would have succeeded: call it last. @throws KmsError DryRunOperationException */
export function refuseDryRun(dryRun: boolean | undefined): void {
  if (!dryRun) return;
  throw new KmsError('DryRunOperationException', 'The request would have succeeded, but the DryRun option is set.');
}
export const accessDenied = (who: string, action: string, resource: string, explicit: boolean): KmsError =>
  new KmsError(
    'AccessDeniedException',
    `User: ${who} is not authorized to perform: ${action} on resource: ${resource} ${explicit ? 'with an explicit deny' : `because no identity-based policy allows the ${action} action`}`,
  );
