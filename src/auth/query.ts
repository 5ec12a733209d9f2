/** The parameters of a query: the first of a name counts, as everywhere; broken escapes stand for themselves. */
export function queryParameters(rawQuery: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const part of rawQuery.split('&')) {
    const equals = part.indexOf('=');
    const name = decode(equals < 0 ? part : part.slice(0, equals));
    if (!found.has(name)) found.set(name, equals < 0 ? '' : decode(part.slice(equals + 1)));
  }
  return found;
}

function decode(value: string): string {
  if (!ESCAPED.test(value)) return value;
  try {
    return decodeURIComponent(value.replaceAll('+', ' '));
  } catch {
    return value;
  }
}

const ESCAPED = /[%+]/;
