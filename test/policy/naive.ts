import type { PolicyRequest, Statement } from '../../src/policy/ports.js';

/**
 * A second evaluator, written for clarity alone and sharing no code with the engine: it lists every fact and then answers.
 * Wildcards are recursive, statements are looked at as they are.
 */
export function naiveAllows(
  request: PolicyRequest,
  identity: readonly Statement[],
  resource: readonly Statement[] | undefined,
  accountTrusted: boolean,
): boolean {
  const { principal } = request;
  const root = `arn:aws:iam::${principal.accountId}:root`;
  const isAccountNamed = (list: readonly string[]) =>
    principal.accountId !== '' && (list.includes(principal.accountId) || list.includes(root));
  const concerns = (one: Statement): boolean => {
    const byAction = one.actions
      ? one.actions.some((pattern) => glob(pattern.toLowerCase(), request.action.toLowerCase()))
      : !(one.notActions ?? []).some((pattern) => glob(pattern.toLowerCase(), request.action.toLowerCase()));
    const byResource = one.resources
      ? one.resources.some((pattern) => arnGlob(pattern, request.resource))
      : !(one.notResources ?? []).some((pattern) => arnGlob(pattern, request.resource));
    return byAction && byResource;
  };
  const deniedTo = (one: Statement): boolean => {
    if (one.notPrincipals) {
      const { any, aws = [] } = one.notPrincipals;
      if (any) return false;
      return !(isAccountNamed(aws) && (principal.kind === 'root' || aws.includes(principal.arn)));
    }
    const { any, aws = [] } = one.principals!;
    return any === true || isAccountNamed(aws) || (principal.arn !== '' && aws.includes(principal.arn));
  };

  if (identity.some((one) => one.effect === 'Deny' && concerns(one))) return false;
  if (resource?.some((one) => one.effect === 'Deny' && concerns(one) && deniedTo(one))) return false;
  if (principal.kind === 'anonymous') return false;
  if (principal.accountId !== request.resourceAccountId) return false;
  const open = (resource ?? []).filter(
    (one) => one.effect === 'Allow' && one.conditions === undefined && concerns(one),
  );
  const toItself = open.some(({ principals }) => principals!.any || (principals!.aws ?? []).includes(principal.arn));
  if (toItself) return true;
  const toAccount = accountTrusted || open.some(({ principals }) => isAccountNamed(principals!.aws ?? []));
  if (!toAccount) return false;
  if (principal.kind === 'root') return true;
  return identity.some((one) => one.effect === 'Allow' && one.conditions === undefined && concerns(one));
}

/** `*` and `?` by recursion over characters. */
export function glob(pattern: string, text: string, crossesColons = true): boolean {
  const [token, ...rest] = [...pattern];
  const characters = [...text];
  if (token === undefined) return text === '';
  if (token === '*') {
    for (let taken = 0; taken <= characters.length; taken++) {
      if (!crossesColons && rest.length > 0 && characters.slice(0, taken).includes(':')) break;
      if (glob(rest.join(''), characters.slice(taken).join(''), crossesColons)) return true;
    }
    return false;
  }
  const [first, ...others] = characters;
  if (first === undefined || (token === '?' ? !crossesColons && first === ':' : token !== first)) return false;
  return glob(rest.join(''), others.join(''), crossesColons);
}

/** Splits the pattern at its first five colons, and tries every way to cut the text into as many pieces. */
export function arnGlob(pattern: string, text: string): boolean {
  const parts = pattern.split(':');
  const segments = parts.length > 6 ? [...parts.slice(0, 5), parts.slice(5).join(':')] : parts;
  const from = (index: number, rest: string): boolean => {
    const segment = segments[index]!;
    const last = index === segments.length - 1;
    if (last) return index === 5 ? glob(segment, rest) : glob(segment, rest, false);
    for (let colon = rest.indexOf(':'); colon >= 0; colon = rest.indexOf(':', colon + 1)) {
      if (glob(segment, rest.slice(0, colon), false) && from(index + 1, rest.slice(colon + 1))) return true;
    }
    return false;
  };
  return from(0, text);
}
