import type { Decision, PolicyDocument, PolicyRequest, Statement } from '../../src/policy/ports.js';
import { expand, met } from './naive-conditions.js';
import { arnGlob, glob } from './naive-glob.js';

export interface Sides {
  identity: readonly PolicyDocument[];
  resource: PolicyDocument | undefined;
  accountTrusted: boolean;
  granted: boolean;
}

/**
 * A second evaluator, written for clarity alone and sharing no code with the engine: it lists every fact and then answers.
 * Wildcards are recursive, statements are looked at as they are.
 */
export function naiveDecision(
  request: PolicyRequest,
  { identity, resource, accountTrusted, granted }: Sides,
): Decision {
  const { principal } = request;
  const { kind, accountId, arn, sessionArn } = principal;
  const isSelf = (list: readonly string[] = []) =>
    (kind === 'user' || kind === 'role') &&
    (list.includes(arn) || (sessionArn !== undefined && list.includes(sessionArn)));
  const isAccount = ({ aws = [], canonicalUser = [] }: NonNullable<Statement['principals']>) =>
    kind !== 'anonymous' &&
    kind !== 'service' &&
    (aws.includes(accountId) ||
      aws.includes(`arn:aws:iam::${accountId}:root`) ||
      canonicalUser.includes(principal.canonicalUserId));
  const isService = ({ service = [] }: NonNullable<Statement['principals']>) =>
    kind === 'service' && service.includes(arn);

  const concerns = (one: Statement, version = '2008-10-17'): boolean => {
    const named = (patterns: readonly string[]) =>
      patterns.some((pattern) => glob(pattern.toLowerCase(), request.action.toLowerCase()));
    const at = (patterns: readonly string[]) =>
      patterns.some((pattern) => {
        const expanded = expand(pattern, version, request);
        return expanded !== undefined && arnGlob(expanded, request.resource);
      });
    if (one.actions ? !named(one.actions) : !one.notActions || named(one.notActions)) return false;
    if (one.resources ? !at(one.resources) : !one.notResources || at(one.notResources)) return false;
    return met(one.conditions, version, request);
  };
  const concerning = (document: PolicyDocument, effect: string) =>
    document.statements.filter((one) => one.effect === effect && concerns(one, document.version));

  const spared = (match: NonNullable<Statement['notPrincipals']>): boolean => {
    const lists = match.aws ?? [];
    if (match.any) return true;
    if (kind === 'service') return isService(match);
    if (kind === 'root') return isAccount(match);
    return isAccount(match) && lists.includes(arn) && (sessionArn === undefined || lists.includes(sessionArn));
  };
  const deniedTo = ({ principals, notPrincipals }: Statement): boolean =>
    notPrincipals
      ? !spared(notPrincipals)
      : principals!.any === true || isAccount(principals!) || isSelf(principals!.aws) || isService(principals!);

  if (identity.some((one) => concerning(one, 'Deny').length > 0)) {
    return { allowed: false, explicit: true, by: 'identity policy' };
  }
  if (resource && concerning(resource, 'Deny').some(deniedTo)) {
    return { allowed: false, explicit: true, by: 'resource policy' };
  }
  const open = resource ? concerning(resource, 'Allow').filter((one) => one.principals) : [];
  const toService = open.some(({ principals }) => isService(principals!));
  const toAll = kind !== 'service' && open.some(({ principals }) => principals!.any);
  const toSelf = open.some(({ principals }) => isSelf(principals!.aws));
  const toAccount = open.some(({ principals }) => isAccount(principals!));
  const callerMay = kind === 'root' || identity.some((one) => concerning(one, 'Allow').length > 0);

  if (kind === 'anonymous' || kind === 'service') {
    if (toAll || toService) return { allowed: true, by: 'resource policy' };
    return granted ? { allowed: true, by: 'grant' } : { allowed: false, explicit: false, by: 'no resource policy' };
  }
  if (accountId !== request.resourceAccountId) {
    if (!callerMay) return { allowed: false, explicit: false, by: 'no identity policy' };
    if (toAll || toSelf || toAccount) return { allowed: true, by: 'resource policy' };
    return granted ? { allowed: true, by: 'grant' } : { allowed: false, explicit: false, by: 'other account' };
  }
  const accountDecides = accountTrusted || toAccount || (kind === 'root' && toAll);
  if (kind !== 'root' && (toAll || toSelf)) return { allowed: true, by: 'resource policy' };
  if (accountDecides && kind === 'root') return { allowed: true, by: 'account root' };
  if (accountDecides && callerMay) return { allowed: true, by: 'identity policy' };
  if (granted) return { allowed: true, by: 'grant' };
  return { allowed: false, explicit: false, by: accountDecides ? 'no identity policy' : 'no resource policy' };
}
