import type { Secret } from '../base/secret.js';
import type { RootKey } from '../seal/root-key.js';
import { Xaes } from '../seal/xaes.js';
import { rewrapDsseOuter } from './dsse-kms.js';
import type { ObjectIds } from './object-ids.js';
import { rewrapSseS3 } from './sse-s3.js';
import type { WrappedDataKey } from './wrapped-key.js';

/** What wraps data keys of SSE-S3 and the outer ones of DSSE-KMS. 32 bytes. */
export const storeKeyOf = (rootKey: RootKey): Secret => rootKey.derive('coffer/store-key');

/** From one root key's store key to another's; wraps that don't lie under it stay as they are. */
export class StoreKeyChange {
  readonly #from: Xaes;
  readonly #to: Xaes;

  constructor(from: RootKey, to: RootKey) {
    this.#from = new Xaes(storeKeyOf(from));
    this.#to = new Xaes(storeKeyOf(to));
  }

  /** @throws StoreDamaged */
  rewrap(ids: ObjectIds, wrap: WrappedDataKey): WrappedDataKey {
    switch (wrap.mode) {
      case 'SSE-S3':
        return rewrapSseS3(this.#from, this.#to, ids, wrap);
      case 'DSSE-KMS':
        return rewrapDsseOuter(this.#from, this.#to, ids, wrap);
      case 'SSE-C':
      case 'SSE-KMS':
        return wrap;
    }
  }
}
