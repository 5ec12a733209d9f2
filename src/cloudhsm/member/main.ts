import { codeOf } from './pkcs11.js';
import type { Answered, Asked, MemberToken } from './protocol.js';
import { Token, TokenError } from './token.js';

/**
 * The process of one member: it alone loads the PKCS#11 library, whose calls block, hang or crash here and nowhere else.
 * It ends with its parent.
 */
const described = JSON.parse(process.argv[2] ?? '{}') as MemberToken;
let token: Token | undefined;

process.on('disconnect', () => process.exit(0));
// The parent decides when it ends: a Ctrl-C on the terminal reaches the whole group.
process.on('SIGINT', () => {});
process.on('message', ({ id, call, request }: Asked) => {
  process.send?.(answer(id, call, request));
});

function answer(id: number, call: Asked['call'], request: unknown): Answered {
  try {
    token ??= new Token(described);
    return { id, answer: (token[call] as (request: unknown) => unknown)(request) };
  } catch (error) {
    if (error instanceof TokenError) return { id, code: error.code, message: error.message };
    // Messages of the library name calls and codes, never what they were called with.
    return { id, code: codeOf(error) ?? 'MEMBER_FAILED', message: String((error as Error).message) };
  }
}
