import { TokenError } from './library.js';
import { codeOf } from './pkcs11.js';
import type { Answered, Asked } from './protocol.js';

/**
 * Serves the methods of what `make` gives to the parent, for as long as there is one. `make` gets what the parent described, and loads
 * the library, with the first call: its failure is that call's.
 */
export function serveParent<T extends object, D>(make: (described: D) => T): void {
  const described = JSON.parse(process.argv[2] ?? '{}') as D;
  let served: T | undefined;
  const answer = ({ id, call, request }: Asked): Answered => {
    try {
      served ??= make(described);
      return { id, answer: (served as Record<string, (request: unknown) => unknown>)[call]!(request) };
    } catch (error) {
      if (error instanceof TokenError) return { id, code: error.code, message: error.message };
      // Messages of the library name calls and codes, never what they were called with.
      return { id, code: codeOf(error) ?? 'MEMBER_FAILED', message: String((error as Error).message) };
    }
  };
  process.on('disconnect', () => process.exit(0));
  // The parent decides when it ends: a Ctrl-C on the terminal reaches the whole group.
  process.on('SIGINT', () => {});
  process.on('message', (asked: Asked) => process.send?.(answer(asked)));
}
