import { type Conditions, compileConditions } from './conditions.js';
import { compileActions, compileResource, compileResources, type Matcher } from './match.js';
import type { PolicyDocument, PolicyVersion, Statement } from './ports.js';
import { compilePrincipals, type Meant } from './principal.js';
import { compileTemplate, isTemplate, type RequestMatcher } from './template.js';

/** A statement made ready for many questions. */
export interface CompiledStatement {
  denies: boolean;
  /** Whom it means; undefined in identity policies. */
  meant: Meant | undefined;
  /** Takes the action in lower case. */
  action: Matcher;
  resource: RequestMatcher;
  conditions: Conditions | undefined;
}

const compiled = new WeakMap<PolicyDocument, readonly CompiledStatement[]>();

/** Compiles once per document. A document must not be changed after it was first used. */
export function statementsOf(document: PolicyDocument): readonly CompiledStatement[] {
  let statements = compiled.get(document);
  if (!statements) {
    const version = document.version ?? '2008-10-17';
    statements = document.statements.map((statement) => compileStatement(statement, version));
    compiled.set(document, statements);
  }
  return statements;
}

/** @throws PolicyError for what a parser would have refused */
export function compileStatement(statement: Statement, version: PolicyVersion): CompiledStatement {
  const { actions, notActions, resources, notResources, conditions } = statement;
  return {
    denies: statement.effect === 'Deny',
    meant: compilePrincipals(statement),
    action: actions ? compileActions(actions) : allBut(compileActions(notActions ?? [])),
    // A key policy may leave the resource out: it is the key.
    resource: resources ? anyResource(resources, version) : allBut(anyResource(notResources ?? [], version)),
    conditions: conditions && compileConditions(conditions, version),
  };
}

/** A text whose variable has no value is no resource at all, among NotResource too. */
function anyResource(patterns: readonly string[], version: PolicyVersion): RequestMatcher {
  const fixed = compileResources(patterns.filter((pattern) => !isTemplate(pattern, version)));
  const varying = patterns
    .filter((pattern) => isTemplate(pattern, version))
    .map((pattern) => compileTemplate(pattern, version, compileResource));
  if (varying.length === 0) return fixed;
  return (text, request) => fixed(text) || varying.some((matches) => matches(text, request));
}

const allBut =
  <A extends unknown[]>(matches: (...asked: A) => boolean) =>
  (...asked: A): boolean =>
    !matches(...asked);
