import type { BucketRecord } from '../../store/records.js';
import type { OperationContext } from '../operation.js';
import type { EncryptionChoice } from './choose.js';
import { keyTarget, requireSignatureForKms } from './key-target.js';
import type { ObjectCipher } from './object-cipher.js';

/** Makes the data key of a new version. `dispose` it. */
export async function createCipher(
  context: OperationContext,
  choice: EncryptionChoice,
  bucket: BucketRecord,
  key: string,
  objectId: Buffer,
  isReplica = false,
): Promise<ObjectCipher> {
  requireSignatureForKms(context, choice.mode);
  const request =
    choice.mode === 'SSE-C'
      ? { mode: choice.mode, customerKey: choice.customer.key }
      : { ...choice, byEncrypt: isReplica };
  return context.services.dataKeys.create(keyTarget(context, bucket, key, objectId), request);
}
