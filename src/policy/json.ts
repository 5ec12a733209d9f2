import { PolicyError } from './error.js';

export type Json = Record<string, unknown>;

export function object(json: unknown, what: string): Json {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new PolicyError(`${what} is not a JSON object`);
  }
  return json as Json;
}

export function text(json: unknown, what: string): string {
  if (typeof json !== 'string') throw new PolicyError(`${what} is not a text`);
  return json;
}

/** One text or a list of them: policies write both. Undefined where the member is absent. */
export function strings(json: Json, member: string): string[] | undefined {
  const value = json[member];
  if (value === undefined) return undefined;
  const listed = Array.isArray(value) ? value : [value];
  if (listed.length === 0) throw new PolicyError(`${member} is empty`);
  return listed.map((one) => text(one, member));
}

/** What isn't understood is refused: leaving it out would change what the policy means. */
export function only(json: Json, members: readonly string[], what: string): void {
  for (const member of Object.keys(json)) {
    if (!members.includes(member)) throw new PolicyError(`the ${what} has the unsupported element ${member}`);
  }
}
