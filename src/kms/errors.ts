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
export const accessDenied = (who: string, action: string, resource: string, explicit: boolean): KmsError =>
  new KmsError(
    'AccessDeniedException',
    `User: ${who} is not authorized to perform: ${action} on resource: ${resource} because no ${explicit ? 'policy allows it: an explicit deny is in force' : `identity-based policy allows the ${action} action`}`,
  );
