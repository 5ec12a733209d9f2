import { Library } from '../../pkcs11/library.js';
import { serveParent } from '../../pkcs11/worker.js';
import type { RootTokenPlace } from './protocol.js';
import { RootToken } from './token.js';

/** The process in which the token of the root key is used. It ends with its parent. */
serveParent((place: RootTokenPlace) => new RootToken(place, new Library(place.library)));
