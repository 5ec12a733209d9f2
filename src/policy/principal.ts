import { comparable } from '../base/partition.js';
import type { Principal, PrincipalMatch, Statement } from './ports.js';

/**
 * Whom a statement of a resource policy means: the principal by name (or everyone), the principal's account as a whole, or
 * others. An allowance for the account only trusts it; a denial of the account binds all of it.
 */
export type Meant = (principal: Principal) => 'principal' | 'account' | undefined;

/** @returns undefined for a statement that names nobody, as in identity policies */
export function compilePrincipals({ effect, principals, notPrincipals }: Statement): Meant | undefined {
  if (principals) {
    const names = new Names(principals);
    return effect === 'Allow' ? (principal) => allowed(names, principal) : (principal) => denied(names, principal);
  }
  if (!notPrincipals) return undefined;
  // Nobody can tell whom an allowance for all others would reach; parsers refuse it, and it opens nothing.
  if (effect === 'Allow') return () => undefined;
  const spared = new Names(notPrincipals);
  return (principal) => (spares(spared, principal) ? undefined : 'principal');
}

function allowed(names: Names, principal: Principal): 'principal' | 'account' | undefined {
  const { kind } = principal;
  if (kind === 'service') return names.service(principal) ? 'principal' : undefined;
  if (kind === 'root') return names.any || names.account(principal) ? 'account' : undefined;
  if (names.any || names.self(principal)) return 'principal';
  return names.account(principal) ? 'account' : undefined;
}

function denied(names: Names, principal: Principal): 'principal' | undefined {
  const hit = names.any || names.service(principal) || names.self(principal) || names.account(principal);
  return hit ? 'principal' : undefined;
}

/**
 * AWS asks for the account first, then for the user or role, then for the session: only whom all of them spare is spared.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
 */
function spares(names: Names, principal: Principal): boolean {
  if (names.any) return true;
  if (principal.kind === 'service') return names.service(principal);
  if (!names.account(principal)) return false;
  if (principal.kind === 'root') return true;
  return names.role(principal) && (principal.sessionArn === undefined || names.session(principal));
}

/** The principals of an element, ready to be asked for. */
class Names {
  readonly any: boolean;
  readonly #arns: ReadonlySet<string>;
  /** By id, whether the policy has the id or the root's ARN. */
  readonly #accounts: ReadonlySet<string>;
  readonly #services: ReadonlySet<string>;
  readonly #canonicalUsers: ReadonlySet<string>;

  constructor({ any, aws = [], service = [], canonicalUser = [] }: PrincipalMatch) {
    this.any = any === true;
    this.#arns = new Set(aws.map(comparable));
    this.#accounts = new Set(aws.flatMap((one) => /^(?:arn:[a-z-]+:iam::)?(\d{12})(?::root)?$/.exec(one)?.[1] ?? []));
    this.#services = new Set(service);
    this.#canonicalUsers = new Set(canonicalUser);
  }

  /** The user, the role, or the role's session. */
  self(principal: Principal): boolean {
    return this.role(principal) || this.session(principal);
  }

  role({ kind, arn }: Principal): boolean {
    return (kind === 'user' || kind === 'role') && this.#arns.has(comparable(arn));
  }

  session({ sessionArn }: Principal): boolean {
    return sessionArn !== undefined && this.#arns.has(comparable(sessionArn));
  }

  /** An account is named by its id, its root, or its canonical user id. */
  account({ kind, accountId, canonicalUserId }: Principal): boolean {
    if (kind === 'service' || accountId === '') return false;
    return this.#accounts.has(accountId) || this.#canonicalUsers.has(canonicalUserId);
  }

  service({ kind, arn }: Principal): boolean {
    return kind === 'service' && this.#services.has(arn);
  }
}
