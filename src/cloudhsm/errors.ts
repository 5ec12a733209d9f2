/** An error of the CloudHSM v2 API, by its code. */
export class HsmError extends Error {
  override name = 'HsmError';
  constructor(
    readonly code: `CloudHsm${string}Exception` | 'UnknownOperationException' | 'SerializationException',
    message: string,
    readonly statusCode = 400,
  ) {
    super(message);
  }
}

export const invalid = (message: string): HsmError => new HsmError('CloudHsmInvalidRequestException', message);
export const notFound = (message: string): HsmError => new HsmError('CloudHsmResourceNotFoundException', message);
export const tagError = (message: string): HsmError => new HsmError('CloudHsmTagException', message);
export const serviceError = (message: string): HsmError => new HsmError('CloudHsmServiceException', message);
export const denied = (message: string): HsmError => new HsmError('CloudHsmAccessDeniedException', message);
export const serialization = (message = 'The request could not be read: a member has the wrong type.'): HsmError =>
  new HsmError('SerializationException', message);
