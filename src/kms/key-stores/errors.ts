import { KmsError } from '../../encryption/ports.js';
import type { CustomKeyStore } from './record.js';

/** Answers about custom key stores that more than one action gives. */
export const noSuchKeyStore = (name: string): KmsError =>
  new KmsError('CustomKeyStoreNotFoundException', `Custom key store '${name}' does not exist.`);

export const keyStoreState = (message: string): KmsError =>
  new KmsError('CustomKeyStoreInvalidStateException', message);

export const nameInUse = (name: string): KmsError =>
  new KmsError('CustomKeyStoreNameInUseException', `The custom key store name '${name}' is already in use.`);

/** The words of AWS's XKS proxy API specification. */
export const notConnected = ({ backing }: CustomKeyStore): string =>
  backing.type === 'EXTERNAL_KEY_STORE'
    ? 'This KMS key is in a custom key store that is not connected to its external key store proxy. Connect the external key store and try the request again.'
    : 'This KMS key is in a custom key store that is not connected to its CloudHSM cluster. Connect the custom key store and try the request again.';
