import { boundTokens, matchBoundTokens, matchTokens, type Piece, segmentsOf, tokensOf } from './tokens.js';

/** Patterns of policies, compiled once per document. */
export type Matcher = (text: string) => boolean;

/** A text with wildcards, or pieces of which some are literal. */
export type Pattern = string | readonly Piece[];

/** `*` stands for any text, `?` for any one character. Case counts. */
export function compileWildcard(pattern: Pattern): Matcher {
  if (typeof pattern !== 'string') {
    const tokens = tokensOf(pattern);
    return (text) => matchTokens(tokens, text);
  }
  const firstWildcard = pattern.search(/[*?]/);
  if (firstWildcard < 0) return (text) => text === pattern;
  const prefix = pattern.slice(0, firstWildcard);
  if (pattern.slice(firstWildcard) === '*') return (text) => text.startsWith(prefix);
  const rest = tokensOf([pattern.slice(firstWildcard)]);
  return (text) => text.startsWith(prefix) && matchTokens(rest, text, 0, prefix.length);
}

/**
 * For resources. Before the resource part a wildcard stays within its segment, unless it is a `*` at the segment's end.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
 */
export function compileResource(pattern: Pattern): Matcher {
  const tokens = tokensOf(typeof pattern === 'string' ? [pattern] : pattern);
  const bound = boundTokens(tokens);
  if (bound) return (text) => matchBoundTokens(bound, text);
  return typeof pattern === 'string' ? compileWildcard(pattern) : (text) => matchTokens(tokens, text);
}

/**
 * For ARNs in conditions: each of the six segments is compared by itself. What has fewer is no ARN, and only `*` means all ARNs.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN
 */
export function compileArn(pattern: Pattern): Matcher {
  const segments = segmentsOf(
    tokensOf(pattern === '*' ? ['*:*:*:*:*:*'] : typeof pattern === 'string' ? [pattern] : pattern),
  );
  if (segments === undefined) return () => false;
  return (text) => {
    let start = 0;
    for (let i = 0; i < segments.length; i++) {
      const end = i === segments.length - 1 ? text.length : text.indexOf(':', start);
      if (end < 0 || !matchTokens(segments[i]!, text, 0, start, end)) return false;
      start = end + 1;
    }
    return true;
  };
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
