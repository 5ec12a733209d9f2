import { compileActions, compileResources, type Matcher } from './match.js';
import type { PolicyDocument, Statement } from './ports.js';

/** A statement made ready for many questions. */
export interface CompiledStatement {
  statement: Statement;
  /** Takes the action in lower case. */
  action: Matcher;
  resource: Matcher;
}

const compiled = new WeakMap<PolicyDocument, readonly CompiledStatement[]>();

/** Compiles once per document. A document must not be changed after it was first used. */
export function statementsOf(document: PolicyDocument): readonly CompiledStatement[] {
  let statements = compiled.get(document);
  if (!statements) {
    statements = document.statements.map(compile);
    compiled.set(document, statements);
  }
  return statements;
}

function compile(statement: Statement): CompiledStatement {
  const { actions, notActions, resources, notResources } = statement;
  return {
    statement,
    action: actions ? compileActions(actions) : allBut(compileActions(notActions!)),
    // A key policy may leave the resource out: it is the key.
    resource: resources ? compileResources(resources) : allBut(compileResources(notResources ?? [])),
  };
}

const allBut =
  (matches: Matcher): Matcher =>
  (text) =>
    !matches(text);
