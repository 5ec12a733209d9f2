import { KmsError } from '../encryption/ports.js';
import type { AliasRecord } from './alias-record.js';
import type { Call } from './call.js';
import { notFound, validation } from './errors.js';
import type { Input } from './fields.js';
import { kmsArn } from './key-reference.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html */
export function readAliasName(input: Input): string {
  const name = input.requiredText('AliasName', { min: 1, max: 256, pattern: '^[a-zA-Z0-9:/_-]+$' });
  if (!name.startsWith('alias/')) {
    throw validation(
      'Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html',
    );
  }
  if (name.startsWith('alias/aws/')) throw new KmsError('NotAuthorizedException', '');
  if (!/^alias\/[a-zA-Z0-9/_-]+$/.test(name)) {
    throw new KmsError(
      'InvalidAliasNameException',
      `The alias name ${name} is not valid: it may hold letters, digits, slash, underscore and dash.`,
    );
  }
  return name;
}

/**
 * The caller's alias, authorized: an alias has no policy of its own, identity policies decide, besides those on its key.
 * @throws NotFoundException, AccessDeniedException
 */
export async function requireAlias(call: Call, name: string): Promise<AliasRecord> {
  const { keys, who } = call;
  const arn = aliasArn(keys.region, { accountId: who.caller.accountId, name });
  call.authorizeOn(arn, {});
  const alias = await keys.ring.aliases.find(who.caller.accountId, name);
  if (!alias) throw notFound(`Alias ${arn} is not found.`);
  return alias;
}

export const aliasArn = (region: string, alias: { accountId: string; name: string }): string =>
  kmsArn(region, alias.accountId, alias.name);
