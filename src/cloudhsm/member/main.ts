import { serveParent } from '../../pkcs11/worker.js';
import type { MemberToken } from './protocol.js';
import { Token } from './token.js';

/** The process of one member. It ends with its parent. */
serveParent((described: MemberToken) => new Token(described));
