import { S3Error } from '../../../src/s3/error.js';

/** What a refused call answers. */
export async function refused(call: () => unknown): Promise<Pick<S3Error, 'code' | 'status' | 'message' | 'extra'>> {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    const { code, status, message, extra } = error;
    return { code, status, message, extra };
  }
  throw new Error('the call was expected to be refused');
}
