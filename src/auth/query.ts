/** The parameters of a query as they are signed: the last of a name counts, broken escapes stand for themselves. */
export function queryParameters(rawQuery: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const part of rawQuery.split('&')) {
    const equals = part.indexOf('=');
    found.set(decode(equals < 0 ? part : part.slice(0, equals)), equals < 0 ? '' : decode(part.slice(equals + 1)));
  }
  return found;
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value.replaceAll('+', ' '));
  } catch {
    return value;
  }
}
