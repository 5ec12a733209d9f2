import { KmsError } from '../../../encryption/ports.js';
import { ConnectionError, type FleetStates, type HolderCall, type KeyHolder, KeyHolderError } from '../ports.js';
import type { XksProxy } from './client.js';
import { XksFailure } from './failure.js';
import { bytesOf, packSealed, unpackSealed } from './sealed.js';

/** Keys of an external key manager, behind its proxy. They are made and deleted there, never by Coffer. */
export class XksHolder implements KeyHolder {
  constructor(private readonly proxy: XksProxy) {}

  async connect(call: HolderCall): Promise<void> {
    await this.health(call);
  }

  async health(call: HolderCall): Promise<FleetStates> {
    try {
      return await this.proxy.getHealthStatus(call);
    } catch (error) {
      if (error instanceof XksFailure) throw new ConnectionError(error.connectionCode, error.message);
      // Too many others are asked just now.
      if (error instanceof KmsError) throw new ConnectionError('XKS_PROXY_NOT_REACHABLE', error.message);
      throw error;
    }
  }

  /** Nothing is held that would have to be given back: connections are the transport's, and idle ones end. */
  async disconnect(): Promise<void> {}

  /** `keyId`: of the external key, which has to be there, enabled, and good for both directions. */
  makeKey(keyId: string, call: HolderCall): Promise<string> {
    return asHolder(async () => {
      const { keySpec, keyUsage, keyStatus } = await this.proxy.getKeyMetadata(keyId, call);
      if (keyStatus !== 'ENABLED') throw new XksFailure('InvalidStateException');
      if (!keyUsage.includes('ENCRYPT') || !keyUsage.includes('DECRYPT')) {
        throw new XksFailure('InvalidKeyUsageException');
      }
      if (keySpec !== 'AES_256') throw new KeyHolderError(NOT_AES_256, 'XksKeyInvalidConfigurationException');
      return keyId;
    });
  }

  async deleteKey(): Promise<void> {}

  encrypt(reference: string, plaintext: Buffer, aad: Buffer, call: HolderCall): Promise<Buffer> {
    return asHolder(async () =>
      packSealed(await this.proxy.encrypt(reference, plaintext, aad, call), plaintext.length, aad),
    );
  }

  decrypt(reference: string, ciphertext: Buffer, aad: Buffer, call: HolderCall): Promise<Buffer> {
    return asHolder(async () => {
      const fields = unpackSealed(ciphertext);
      const plaintext = bytesOf((await this.proxy.decrypt(reference, fields, aad, call)).plaintext);
      if (plaintext.length !== Buffer.byteLength(fields.ciphertext!, 'base64')) throw new XksFailure('malformed');
      return plaintext;
    });
  }
}

const NOT_AES_256 =
  'The external key associated with this KMS key in an external key store is not an AES-256 key. Specify the ID of an AES-256 symmetric encryption key.';

async function asHolder<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof XksFailure ? error.ofKey : error;
  }
}
