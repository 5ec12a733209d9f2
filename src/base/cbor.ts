import { decode, encode, Tagged } from 'cborg';

/** Epoch-based date/time: RFC 8949, 3.4.2. */
const EPOCH_TAG = 1;

/**
 * The CBOR map that a body is, as JSON would give it: timestamps in seconds, no byte strings. An empty body is an empty map. Undefined
 * where it is something else, or says a member twice. Both forms of length are read, as the protocol wants.
 */
export function parseCborObject(body: Buffer): Record<string, unknown> | undefined {
  if (body.length === 0) return {};
  try {
    const value = decode(body, {
      useMaps: true,
      rejectDuplicateMapKeys: true,
      coerceUndefinedToNull: true,
      tags: { [EPOCH_TAG]: (content) => content() },
    });
    return value instanceof Map ? (plain(value) as Record<string, unknown>) : undefined;
  } catch {
    // What isn't CBOR, and what is nested too deep for the stack.
    return undefined;
  }
}

/** `timestamps`: members, at any depth, whose numbers are seconds since 1970. */
export function cborOf(json: Record<string, unknown>, timestamps: ReadonlySet<string>): Uint8Array {
  return encode(tagged(json, timestamps));
}

/** Own members alone, whatever they are called. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof Map)) return value;
  const entries = [...value].map(([name, one]): [string, unknown] => {
    if (typeof name !== 'string') throw new TypeError('a member has no name');
    return [name, plain(one)];
  });
  return Object.fromEntries(entries);
}

function tagged(value: unknown, timestamps: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((one) => tagged(one, timestamps));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => one !== undefined)
      .map(([name, one]) => [
        name,
        typeof one === 'number' && timestamps.has(name) ? new Tagged(EPOCH_TAG, one) : tagged(one, timestamps),
      ]),
  );
}
