import { WrongCustomerKey } from '../../encryption/sse-c.js';
import type { WrappedDataKey } from '../../encryption/wrapped-key.js';
import type { BucketRecord, WrappedKey } from '../../store/records.js';
import { type CustomerKey, wrongCustomerKey } from '../fields/customer-key.js';
import type { OperationContext } from '../operation.js';
import { keyTarget, requireSignatureForKms } from './key-target.js';
import type { ObjectCipher } from './object-cipher.js';

/** Opens the data key of a version with the caller's rights. `bucket`: where the version lies, if not in the request's own. */
export async function openCipher(
  context: OperationContext,
  wrapped: WrappedKey,
  key: string,
  objectId: string,
  customerKey: CustomerKey | undefined,
  bucket: BucketRecord = context.facts.bucket.record,
): Promise<ObjectCipher> {
  requireSignatureForKms(context, wrapped.mode);
  const target = keyTarget(context, bucket, key, Buffer.from(objectId, 'hex'));
  try {
    return await context.services.dataKeys.open(target, wrapped as WrappedDataKey, customerKey?.key);
  } catch (error) {
    if (error instanceof WrongCustomerKey) throw wrongCustomerKey();
    throw error;
  }
}
