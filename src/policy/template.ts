import { PolicyError } from './error.js';
import type { Matcher, Pattern } from './match.js';
import type { PolicyRequest, PolicyVersion } from './ports.js';
import { valuesOf } from './request-keys.js';
import type { Piece } from './tokens.js';

/**
 * A text of a policy with its variables.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
 */
type Part = Piece | { readonly key: string; readonly fallback: string | undefined };

/** Tests a text of the request, in view of the request. */
export type RequestMatcher = (text: string, request: PolicyRequest) => boolean;

/**
 * Compiles a text of a policy: at once if it has no variables, else with what they stand for in each request. The value of a
 * variable is literal. A variable that stands for nothing, or for several values, makes that its text matches nothing.
 * @throws PolicyError
 */
export function compileTemplate(
  text: string,
  version: PolicyVersion,
  compile: (pattern: Pattern) => Matcher,
): RequestMatcher {
  if (!isTemplate(text, version)) return compile(text);
  const parts = partsOf(text);
  if (parts.every(isPiece)) return compile(parts);
  return (asked, request) => {
    const pieces = resolve(parts, request);
    return pieces !== undefined && compile(pieces)(asked);
  };
}

/** Whether a text has variables. Before 2012-10-17 there were none. */
export function isTemplate(text: string, version: PolicyVersion): boolean {
  return version === '2012-10-17' && text.includes('${');
}

/** A pattern without wildcards, as text. */
export function textOf(pattern: Pattern): string {
  if (typeof pattern === 'string') return pattern;
  return pattern.map((piece) => (typeof piece === 'string' ? piece : piece.literal)).join('');
}

const isPiece = (part: Part): part is Piece => typeof part === 'string' || 'literal' in part;

function resolve(parts: readonly Part[], request: PolicyRequest): Piece[] | undefined {
  const pieces: Piece[] = [];
  for (const part of parts) {
    if (isPiece(part)) {
      pieces.push(part);
      continue;
    }
    const values = valuesOf(request, part.key);
    const literal = values?.length === 1 ? values[0] : part.fallback;
    if (literal === undefined) return undefined;
    pieces.push({ literal });
  }
  return pieces;
}

function partsOf(text: string): Part[] {
  const parts: Part[] = [];
  let at = 0;
  for (let start = text.indexOf('${'); start >= 0; start = text.indexOf('${', at)) {
    if (start > at) parts.push(text.slice(at, start));
    const end = endOf(text, start);
    parts.push(variable(text.slice(start + 2, end), text));
    at = end + 1;
  }
  if (at < text.length) parts.push(text.slice(at));
  return parts;
}

/** The brace that closes a variable; a default in quotes may contain one itself. */
function endOf(text: string, start: number): number {
  const brace = text.indexOf('}', start);
  const quote = text.indexOf("'", start);
  const closing = quote >= 0 && quote < brace ? text.indexOf("'", quote + 1) : -1;
  const end = quote >= 0 && quote < brace ? text.indexOf('}', closing < 0 ? text.length : closing) : brace;
  if (end < 0) throw invalid(text);
  return end;
}

function variable(inner: string, text: string): Part {
  if (inner === '*' || inner === '?' || inner === '$') return { literal: inner };
  const comma = inner.indexOf(',');
  const key = (comma < 0 ? inner : inner.slice(0, comma)).trim().toLowerCase();
  if (!/^[\w-]+:[^'${}]+$/.test(key)) throw invalid(text);
  if (comma < 0) return { key, fallback: undefined };
  const quoted = inner.slice(comma + 1).trim();
  const fallback = quoted.slice(1, -1);
  if (quoted.length < 2 || quoted !== `'${fallback}'` || fallback.includes("'")) throw invalid(text);
  return { key, fallback };
}

const invalid = (text: string): PolicyError => new PolicyError(`invalid policy variable: ${text}`);
