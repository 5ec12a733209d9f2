/**
 * Patterns of policies as tokens: a code point, or a wildcard. What came out of a policy variable is literal, so wildcards can't
 * stay text. Nothing here backtracks without bound: matching costs at most the length of the pattern times the length of the
 * text, and for all usual patterns the length of the text.
 */
export type Tokens = Int32Array;

/** Text with wildcards, or text that means itself. */
export type Piece = string | { readonly literal: string };

const COLON = 0x3a;
const STAR = -1;
const ANY_ONE = -2;
/** Wildcards that stop at a colon. */
const BOUND_STAR = -3;
const BOUND_ANY_ONE = -4;
/** `arn:partition:service:region:account:` stand before the resource, which may contain colons of its own. */
const ARN_COLONS = 5;

export function tokensOf(pieces: readonly Piece[]): Tokens {
  const tokens: number[] = [];
  for (const piece of pieces) {
    const wild = typeof piece === 'string';
    for (const character of wild ? piece : piece.literal) {
      tokens.push(wild && character === '*' ? STAR : wild && character === '?' ? ANY_ONE : character.codePointAt(0)!);
    }
  }
  return Int32Array.from(tokens);
}

/**
 * Before the resource part of an ARN a wildcard stays within its segment, unless it is a `*` at the segment's end.
 * @returns undefined where that binds none
 */
export function boundTokens(tokens: Tokens): Tokens | undefined {
  const bound = tokens.slice();
  let colons = 0;
  let any = false;
  for (let at = 0; at < tokens.length && colons < ARN_COLONS; at++) {
    const next = at + 1 === tokens.length ? COLON : tokens[at + 1];
    if (tokens[at] === COLON) colons++;
    else if (tokens[at] === ANY_ONE) bound[at] = BOUND_ANY_ONE;
    else if (tokens[at] === STAR && next !== COLON) bound[at] = BOUND_STAR;
    any ||= bound[at] !== tokens[at];
  }
  return any ? bound : undefined;
}

/** The six segments of an ARN's pattern. @returns undefined where it has fewer */
export function segmentsOf(tokens: Tokens): Tokens[] | undefined {
  const segments: Tokens[] = [];
  let start = 0;
  for (let at = 0; at < tokens.length && segments.length < ARN_COLONS; at++) {
    if (tokens[at] !== COLON) continue;
    segments.push(tokens.subarray(start, at));
    start = at + 1;
  }
  return segments.length === ARN_COLONS ? [...segments, tokens.subarray(start)] : undefined;
}

/**
 * Without bound wildcards. Up to `p` and `t` the two are known to be alike; the text ends at `end`. On a mismatch only the last
 * `*` takes more: an earlier one never has to, since what follows it has matched as early as it can.
 */
export function matchTokens(pattern: Tokens, text: string, p = 0, t = 0, end = text.length): boolean {
  let star = -1;
  let resume = 0;
  while (t < end) {
    const token = pattern[p];
    if (token === STAR) {
      star = p++;
      resume = t;
    } else if (token !== undefined && (token === ANY_ONE || token === text.codePointAt(t))) {
      p++;
      t += unitsAt(text, t);
    } else if (star >= 0) {
      p = star + 1;
      resume += unitsAt(text, resume);
      t = resume;
    } else {
      return false;
    }
  }
  while (pattern[p] === STAR) p++;
  return p === pattern.length;
}

/** With bound wildcards: all positions of the pattern that the text so far can have led to, moved on by one character at a time. */
export function matchBoundTokens(pattern: Tokens, text: string): boolean {
  let reached = new Uint8Array(pattern.length + 1);
  reached[0] = 1;
  skipStars(pattern, reached);
  for (let t = 0; t < text.length; t += unitsAt(text, t)) {
    const character = text.codePointAt(t)!;
    const next = new Uint8Array(pattern.length + 1);
    for (let p = 0; p < pattern.length; p++) {
      if (reached[p] === 0) continue;
      const token = pattern[p]!;
      if (token === STAR || (token === BOUND_STAR && character !== COLON)) next[p] = 1;
      else if (token === ANY_ONE || (token === BOUND_ANY_ONE && character !== COLON) || token === character)
        next[p + 1] = 1;
    }
    skipStars(pattern, next);
    reached = next;
  }
  return reached[pattern.length] === 1;
}

/** A `*` may stand for nothing. */
function skipStars(pattern: Tokens, reached: Uint8Array): void {
  for (let p = 0; p < pattern.length; p++) {
    if (reached[p] === 1 && (pattern[p] === STAR || pattern[p] === BOUND_STAR)) reached[p + 1] = 1;
  }
}

function unitsAt(text: string, at: number): 1 | 2 {
  return text.codePointAt(at)! > 0xffff ? 2 : 1;
}
