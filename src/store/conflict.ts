/** Another writer was faster each time. */
export class TooMuchContention extends Error {
  override name = 'TooMuchContention';
}

/** How often an optimistic commit is tried before the writer gives up. */
const ATTEMPTS = 64;

/** Repeats read-decide-commit until the commit holds. `undefined` from `attempt` means: somebody else changed what was read. */
export async function untilCommitted<T>(attempt: () => Promise<T | undefined>): Promise<T> {
  for (let i = 0; i < ATTEMPTS; i++) {
    const result = await attempt();
    if (result !== undefined) return result;
  }
  throw new TooMuchContention('the row changed under every attempt to write it');
}
