import { PolicyError } from './error.js';

/**
 * JSON in which no object has a member twice: of two, JSON.parse keeps the last and another reader the first.
 * @throws PolicyError
 */
export function parseJson(json: string): unknown {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    throw new PolicyError('a policy is not JSON');
  }
  requireUniqueMembers(json);
  return parsed;
}

const TOKEN = /"(?:[^"\\]+|\\.)*"|[{}[\],:]/g;

/** @param json well-formed @throws PolicyError that names the member */
export function requireUniqueMembers(json: string): void {
  /** Members of the objects that are open; undefined stands for a list. */
  const open: (Set<string> | undefined)[] = [];
  let last = '';
  for (const [token] of json.matchAll(TOKEN)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (token === ':') {
      const name = JSON.parse(last) as string;
      const members = open.at(-1)!;
      if (members.has(name)) throw new PolicyError(`the member ${name} is written twice`);
      members.add(name);
    }
    last = token;
  }
}
