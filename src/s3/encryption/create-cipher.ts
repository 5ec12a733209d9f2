import type { BucketRecord } from '../../store/records.js';
import type { OperationContext } from '../operation.js';
import type { EncryptionChoice } from './choose.js';
import { keyTarget } from './key-target.js';
import type { ObjectCipher } from './object-cipher.js';

/** Makes the data key of a new version. `dispose` it. */
export function createCipher(
  context: OperationContext,
  choice: EncryptionChoice,
  bucket: BucketRecord,
  key: string,
  objectId: Buffer,
): Promise<ObjectCipher> {
  const request = choice.mode === 'SSE-C' ? { mode: choice.mode, customerKey: choice.customer.key } : choice;
  return context.services.dataKeys.create(keyTarget(context, bucket, key, objectId), request);
}
