import type { AclPermission } from '../../store/records.js';
import { type CannedAcl, isCanned } from '../acl/canned.js';
import type { AclRequest, NamedGrant, NamedGrantee } from '../acl/request.js';
import { S3Error } from '../error.js';
import type { Field, RequestFields } from '../operation.js';

const CANNED_HEADER = 'x-amz-acl';
const GRANT_HEADERS: readonly (readonly [header: string, permission: AclPermission])[] = [
  ['x-amz-grant-read', 'READ'],
  ['x-amz-grant-write', 'WRITE'],
  ['x-amz-grant-read-acp', 'READ_ACP'],
  ['x-amz-grant-write-acp', 'WRITE_ACP'],
  ['x-amz-grant-full-control', 'FULL_CONTROL'],
];

/** `x-amz-acl` and `x-amz-grant-*`, which exclude each other. Undefined where neither was sent. */
export const aclHeaders: Field<AclRequest | undefined> = {
  read: ({ headers }) => {
    const canned = headers[CANNED_HEADER];
    const grants = GRANT_HEADERS.flatMap(([header, permission]) => parseGrants(header, permission, headers[header]));
    if (canned !== undefined && GRANT_HEADERS.some(([header]) => headers[header] !== undefined)) {
      throw new S3Error('InvalidRequest', { message: 'Specifying both Canned ACLs and Header Grants is not allowed' });
    }
    if (canned !== undefined) return { canned: requireCanned(canned) };
    return hasGrants(headers) ? { grants } : undefined;
  },
};

const hasGrants = (headers: RequestFields['headers']): boolean =>
  GRANT_HEADERS.some(([header]) => headers[header] !== undefined);

/** S3 refuses an unknown one without saying a word. */
function requireCanned(value: string): CannedAcl {
  if (isCanned(value)) return value;
  throw new S3Error('InvalidArgument', {
    message: '',
    extra: { ArgumentName: CANNED_HEADER, ArgumentValue: value },
  });
}

/** `id="…", uri="…", emailAddress="…"`; quotes may be left out where the value has no comma. */
const ONE = /\s*(\w+)\s*=\s*(?:"([^"]*)"|([^",]*?))\s*(?:,|$)/y;

function parseGrants(header: string, permission: AclPermission, text: string | undefined): NamedGrant[] {
  const grants: NamedGrant[] = [];
  if (text === undefined) return grants;
  ONE.lastIndex = 0;
  for (let at = 0; at < text.length; at = ONE.lastIndex) {
    const [, name, quoted, plain] = ONE.exec(text) ?? [];
    const by = name === undefined ? undefined : KINDS.get(name.toLowerCase());
    if (by === undefined) {
      throw new S3Error('InvalidArgument', {
        message: 'Argument format not recognized',
        extra: { ArgumentName: header, ArgumentValue: text },
      });
    }
    grants.push({ grantee: { by, value: (quoted ?? plain)!, argument: by }, permission });
  }
  return grants;
}

const KINDS = new Map<string, NamedGrantee['by']>([
  ['id', 'id'],
  ['uri', 'uri'],
  ['emailaddress', 'emailAddress'],
]);
