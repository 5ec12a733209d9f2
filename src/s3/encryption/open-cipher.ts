import { requireCustomerKey, type SseCWrap, WrongCustomerKey } from '../../encryption/sse-c.js';
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
  return context.services.dataKeys.open(target, wrapped as WrappedDataKey, customerKey?.key).catch(told);
}

/** Whether the customer's key is the right one, where nothing has to be opened with it. @throws AccessDenied */
export function requireRightKey(
  context: OperationContext,
  wrapped: SseCWrap,
  key: string,
  objectId: string,
  customerKey: CustomerKey,
): void {
  const { ids } = keyTarget(context, context.facts.bucket.record, key, Buffer.from(objectId, 'hex'));
  try {
    requireCustomerKey(customerKey.key, ids, wrapped);
  } catch (error) {
    told(error);
  }
}

function told(error: unknown): never {
  throw error instanceof WrongCustomerKey ? wrongCustomerKey() : error;
}
