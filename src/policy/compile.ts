import { type Conditions, compileConditions } from './conditions.js';
import { compileActions, compileResource, compileResources, type Matcher } from './match.js';
import { inEither } from './partition.js';
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
    action: compileActionElement(actions, notActions),
    resource: compileResourceElement(resources, notResources, version),
    conditions: conditions && compileConditions(conditions, version),
  };
}

/** What a statement leaves out, as only those of key policies may, makes that it has no effect. */
const nothing = (): boolean => false;

function compileActionElement(
  actions: readonly string[] | undefined,
  notActions: readonly string[] | undefined,
): Matcher {
  if (actions) return compileActions(actions);
  return notActions ? allBut(compileActions(notActions)) : nothing;
}

function compileResourceElement(
  resources: readonly string[] | undefined,
  notResources: readonly string[] | undefined,
  version: PolicyVersion,
): RequestMatcher {
  if (resources) return anyResource(resources, version);
  return notResources ? allBut(anyResource(notResources, version)) : nothing;
}

/** A text whose variable has no value is no resource at all, among NotResource too. */
function anyResource(patterns: readonly string[], version: PolicyVersion): RequestMatcher {
  const fixed = compileResources(patterns.filter((pattern) => !isTemplate(pattern, version)));
  const varying = patterns
    .filter((pattern) => isTemplate(pattern, version))
    .map((pattern) => compileTemplate(pattern, version, compileResource));
  if (varying.length === 0) return inEither(fixed);
  return inEither((text, request) => fixed(text) || varying.some((matches) => matches(text, request)));
}

const allBut =
  <A extends unknown[]>(matches: (...asked: A) => boolean) =>
  (...asked: A): boolean =>
    !matches(...asked);
