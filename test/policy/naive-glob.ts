/** A wildcard, or a character that means itself. */
export type Token = '*' | '?' | { character: string };

export const tokens = (pattern: string): Token[] =>
  [...pattern].map((character) => (character === '*' || character === '?' ? character : { character }));

export const literal = (text: string): Token[] => [...text].map((character) => ({ character }));

const listed = (pattern: string | Token[]): Token[] => (typeof pattern === 'string' ? tokens(pattern) : pattern);

/** `*` and `?` by recursion over characters. */
export function glob(pattern: string | Token[], text: string, crossesColons = true): boolean {
  const [token, ...rest] = listed(pattern);
  const characters = [...text];
  if (token === undefined) return text === '';
  if (token === '*') {
    for (let taken = 0; taken <= characters.length; taken++) {
      if (!crossesColons && rest.length > 0 && characters.slice(0, taken).includes(':')) break;
      if (glob(rest, characters.slice(taken).join(''), crossesColons)) return true;
    }
    return false;
  }
  const [first, ...others] = characters;
  if (first === undefined) return false;
  if (token === '?' ? !crossesColons && first === ':' : token.character !== first) return false;
  return glob(rest, others.join(''), crossesColons);
}

/** At the first five colons; fewer segments if there are fewer. */
function cut(pattern: Token[]): Token[][] {
  const segments: Token[][] = [[]];
  for (const token of pattern) {
    const colon = typeof token === 'object' && token.character === ':';
    if (colon && segments.length < 6) segments.push([]);
    else segments.at(-1)!.push(token);
  }
  return segments;
}

/** For resources: tries every way to cut the text into as many pieces as the pattern has segments. */
export function arnGlob(pattern: string | Token[], text: string): boolean {
  const segments = cut(listed(pattern));
  const from = (index: number, rest: string): boolean => {
    const segment = segments[index]!;
    const last = index === segments.length - 1;
    if (last) return index === 5 ? glob(segment, rest) : glob(segment, rest, false);
    for (let colon = rest.indexOf(':'); colon >= 0; colon = rest.indexOf(':', colon + 1)) {
      if (glob(segment, rest.slice(0, colon), false) && from(index + 1, rest.slice(colon + 1))) return true;
    }
    return false;
  };
  return from(0, text);
}

/** For conditions: segment by segment. */
export function arnLike(pattern: string | Token[], text: string): boolean {
  const wanted = cut(listed(pattern === '*' ? '*:*:*:*:*:*' : pattern));
  const parts = text.split(':');
  if (wanted.length !== 6 || parts.length < 6) return false;
  const asked = [...parts.slice(0, 5), parts.slice(5).join(':')];
  return wanted.every((segment, i) => glob(segment, asked[i]!));
}
