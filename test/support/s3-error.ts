import { S3ServiceException } from '@aws-sdk/client-s3';

/** What a refused call of an AWS SDK tells: status, code, message. */
export async function refusal(
  call: Promise<unknown>,
): Promise<{ status: number | undefined; code: string; message: string }> {
  try {
    await call;
  } catch (error) {
    if (error instanceof S3ServiceException || (error instanceof Error && '$metadata' in error)) {
      const failed = error as S3ServiceException & { Code?: string };
      return { status: failed.$metadata.httpStatusCode, code: failed.Code ?? failed.name, message: failed.message };
    }
    throw error;
  }
  throw new Error('the call was expected to be refused');
}
