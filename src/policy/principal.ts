import type { Principal, PrincipalMatch, Statement } from './ports.js';

/**
 * Whom a statement of a resource policy means: the principal by name (or everyone), the principal's account as a whole, or
 * others. An allowance for the account only trusts it; a denial of the account binds all of it.
 */
export type Meant = 'principal' | 'account' | undefined;

export function meant(statement: Statement, principal: Principal): Meant {
  const { principals, notPrincipals } = statement;
  if (principals) {
    if (principal.kind !== 'root' && names(principals, principal)) return 'principal';
    return principals.any || namesAccount(principals, principal) ? 'account' : undefined;
  }
  if (notPrincipals) {
    // AWS asks for the account first and the user then: only whom both spare is spared.
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    const spared =
      notPrincipals.any ||
      (namesAccount(notPrincipals, principal) && (principal.kind === 'root' || names(notPrincipals, principal)));
    return spared ? undefined : 'principal';
  }
  return undefined;
}

function names(match: PrincipalMatch, { arn }: Principal): boolean {
  return match.any === true || (arn !== '' && match.aws?.includes(arn) === true);
}

/** An account is named by its id, its root, or its canonical user id. */
function namesAccount({ aws, canonicalUser }: PrincipalMatch, { accountId, canonicalUserId }: Principal): boolean {
  if (accountId === '') return false;
  return (
    aws?.includes(accountId) === true ||
    aws?.includes(`arn:aws:iam::${accountId}:root`) === true ||
    canonicalUser?.includes(canonicalUserId) === true
  );
}
