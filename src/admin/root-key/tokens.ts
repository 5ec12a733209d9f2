import type { Secret } from '../../base/secret.js';
import { isSameToken, type Pkcs11Uri, parsePkcs11Uri } from '../../pkcs11/uri.js';
import { RootKeyError } from '../../seal/root-key.js';
import { LibraryToken } from '../../seal/token/library-token.js';
import type { KeyToken } from '../../seal/token/ports.js';

/** The tokens of a rotation, by their URIs. */
export interface RotationTokens {
  /** @throws RootKeyError where settings have no PIN for it */
  of(uri: string): KeyToken;
}

export interface TokenSettings {
  /** Of `COFFER_ROOT_KEY_PKCS11`. */
  pkcs11: { uri: Pkcs11Uri; pin: Secret } | undefined;
  /** Of the other token, where there are two. */
  newPin: Secret | undefined;
}

/** By settings: the token that they name has its PIN, whatever key of it is meant; another one has the new PIN. */
export const tokensOf = ({ pkcs11, newPin }: TokenSettings): RotationTokens => ({
  of: (uri) => {
    const parsed = parsePkcs11Uri(uri, 'the PKCS#11 URI');
    const pin = pkcs11 && isSameToken(pkcs11.uri, parsed) ? pkcs11.pin : newPin;
    if (!pin) {
      throw new RootKeyError(`the PIN of the token ${uri} is missing: set COFFER_NEW_ROOT_KEY_PKCS11_PIN_FILE`);
    }
    return new LibraryToken(parsed, pin);
  },
});
