/**
 * Patterns of policies, compiled once per document. Nothing here backtracks without bound: matching costs at most the length
 * of the pattern times the length of the text, and for all usual patterns the length of the text.
 */
export type Matcher = (text: string) => boolean;

const STAR = 0x2a;
const ANY_ONE = 0x3f;
const COLON = 0x3a;
/** `arn:partition:service:region:account:` stand before the resource, which may contain colons of its own. */
const ARN_COLONS = 5;

/** `*` stands for any text, `?` for any one character. Case counts. */
export function compileWildcard(pattern: string): Matcher {
  const firstWildcard = pattern.search(/[*?]/);
  if (firstWildcard < 0) return (text) => text === pattern;
  const prefix = pattern.slice(0, firstWildcard);
  if (pattern.slice(firstWildcard) === '*') return (text) => text.startsWith(prefix);
  return (text) => text.startsWith(prefix) && matchGlob(pattern, text, firstWildcard);
}

/**
 * For resources. Before the resource part a wildcard stays within its segment, unless it is a `*` at the segment's end.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
 */
export function compileResource(pattern: string): Matcher {
  const bound = boundWildcards(pattern);
  return bound === undefined ? compileWildcard(pattern) : (text) => matchBound(pattern, bound, text);
}

/** For actions, any of them. Takes the text in lower case: AWS compares actions without regard to case. */
export function compileActions(patterns: readonly string[]): Matcher {
  return anyOf(
    patterns.map((pattern) => pattern.toLowerCase()).map((one) => (one === '*:*' ? '*' : one)),
    compileWildcard,
  );
}

export function compileResources(patterns: readonly string[]): Matcher {
  return anyOf(patterns, compileResource);
}

function anyOf(patterns: readonly string[], compile: (pattern: string) => Matcher): Matcher {
  if (patterns.includes('*')) return () => true;
  const exact = new Set(patterns.filter((pattern) => !/[*?]/.test(pattern)));
  const matchers = patterns.filter((pattern) => !exact.has(pattern)).map(compile);
  if (exact.size === 0 && matchers.length === 1) return matchers[0]!;
  return (text) => exact.has(text) || matchers.some((matches) => matches(text));
}

/** Up to `from` they are known to be alike. On a mismatch only the last `*` takes more: an earlier one never has to, since what follows it has matched as early as it can. */
function matchGlob(pattern: string, text: string, from: number): boolean {
  let p = from;
  let t = from;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    const token = pattern.charCodeAt(p);
    if (token === STAR) {
      star = p++;
      resume = t;
    } else if (token === ANY_ONE) {
      p++;
      t += unitsAt(text, t);
    } else if (token === text.charCodeAt(t)) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (pattern.charCodeAt(p) === STAR) p++;
  return p === pattern.length;
}

/** A character above U+FFFF is two UTF-16 units and one character. */
function unitsAt(text: string, at: number): number {
  return text.codePointAt(at)! > 0xffff ? 2 : 1;
}

/** Which positions of the pattern are wildcards that must not cross a colon; undefined where there are none. */
function boundWildcards(pattern: string): Uint8Array | undefined {
  const bound = new Uint8Array(pattern.length);
  let colons = 0;
  for (let at = 0; at < pattern.length && colons < ARN_COLONS; at++) {
    const token = pattern.charCodeAt(at);
    if (token === COLON) colons++;
    const next = at + 1 === pattern.length ? COLON : pattern.charCodeAt(at + 1);
    if (token === ANY_ONE || (token === STAR && next !== COLON)) bound[at] = 1;
  }
  return bound.includes(1) ? bound : undefined;
}

/** All positions of the pattern that the text so far can have led to, moved on by one character at a time. */
function matchBound(pattern: string, bound: Uint8Array, text: string): boolean {
  let reached = new Uint8Array(pattern.length + 1);
  reached[0] = 1;
  skipStars(pattern, reached);
  for (let t = 0; t < text.length; t += unitsAt(text, t)) {
    const character = text.codePointAt(t)!;
    const next = new Uint8Array(pattern.length + 1);
    for (let p = 0; p < pattern.length; p += unitsAt(pattern, p)) {
      if (reached[p] === 0) continue;
      const token = pattern.codePointAt(p)!;
      const wildcard = (token === STAR || token === ANY_ONE) && !(bound[p] === 1 && character === COLON);
      if (wildcard && token === STAR) next[p] = 1;
      else if (wildcard || (token === character && token !== STAR && token !== ANY_ONE))
        next[p + unitsAt(pattern, p)] = 1;
    }
    skipStars(pattern, next);
    reached = next;
  }
  return reached[pattern.length] === 1;
}

/** A `*` may stand for nothing. */
function skipStars(pattern: string, reached: Uint8Array): void {
  for (let p = 0; p < pattern.length; p++) {
    if (reached[p] === 1 && pattern.charCodeAt(p) === STAR) reached[p + 1] = 1;
  }
}
