import type { XmlNode, XmlTree } from '../../base/xml/ports.js';
import type { AclPermission, Grant } from '../../store/records.js';
import type { Accounts } from '../accounts.js';
import { S3Error } from '../error.js';
import { GROUP_URIS, PERMISSIONS } from './grants.js';
import { ownerNodes } from './owner.js';
import type { NamedGrant, NamedGrantee } from './request.js';

const XSI = 'http://www.w3.org/2001/XMLSchema-instance';

/** The body of PutBucketAcl and PutObjectAcl. */
export interface AclDocument {
  /** Canonical user id. */
  owner: string;
  grants: NamedGrant[];
}

/** `AccessControlPolicy` as GetBucketAcl and GetObjectAcl answer it. What the owner has comes first. */
export function aclNodes(acl: readonly Grant[], owner: string, accounts: Accounts): XmlNode[] {
  const owners = (grant: Grant): boolean => 'account' in grant && grant.account === owner;
  const ordered = [...acl.filter(owners), ...acl.filter((grant) => !owners(grant))];
  return [
    ['Owner', ownerNodes(owner, accounts)],
    ['AccessControlList', ordered.map((grant) => ['Grant', grantNodes(grant, accounts)])],
  ];
}

function grantNodes(grant: Grant, accounts: Accounts): XmlNode[] {
  const grantee: XmlNode =
    'group' in grant
      ? ['Grantee', [['URI', GROUP_URIS[grant.group]]], { 'xmlns:xsi': XSI, 'xsi:type': 'Group' }]
      : ['Grantee', ownerNodes(grant.account, accounts), { 'xmlns:xsi': XSI, 'xsi:type': 'CanonicalUser' }];
  return [grantee, ['Permission', grant.permission]];
}

/** @throws MalformedACLError */
export function parseAcl(tree: XmlTree): AclDocument {
  only(tree, ['Owner', 'AccessControlList']);
  const named = one(tree, 'Owner');
  only(named, ['ID', 'DisplayName']);
  const owner = textOf(named, 'ID');
  const list = one(tree, 'AccessControlList');
  if (list.children.some((grant) => grant.name !== 'Grant')) throw malformed();
  const grants = list.children.map((grant): NamedGrant => {
    only(grant, ['Grantee', 'Permission']);
    const permission = textOf(grant, 'Permission') as AclPermission;
    if (!PERMISSIONS.includes(permission)) throw malformed();
    return { grantee: granteeOf(one(grant, 'Grantee')), permission };
  });
  return { owner, grants };
}

function granteeOf(tree: XmlTree): NamedGrantee {
  only(tree, ['Type', 'ID', 'URI', 'EmailAddress', 'DisplayName']);
  const type = Object.entries(tree.attributes).find(([name]) => /(^|:)type$/.test(name))?.[1];
  switch (type) {
    case 'CanonicalUser':
      return { by: 'id', value: textOf(tree, 'ID'), argument: 'CanonicalUser/ID' };
    case 'Group':
      return { by: 'uri', value: textOf(tree, 'URI'), argument: 'Group/URI' };
    case 'AmazonCustomerByEmail':
      return {
        by: 'emailAddress',
        value: textOf(tree, 'EmailAddress'),
        argument: 'AmazonCustomerByEmail/EmailAddress',
      };
    default:
      throw malformed();
  }
}

/** What isn't known may have narrowed the grant. */
function only(tree: XmlTree, names: readonly string[]): void {
  if (tree.children.some((child) => !names.includes(child.name))) throw malformed();
}

function one(tree: XmlTree, name: string): XmlTree {
  const found = tree.children.filter((child) => child.name === name);
  if (found.length !== 1) throw malformed();
  return found[0]!;
}

const textOf = (tree: XmlTree, name: string): string => one(tree, name).text.trim();

const malformed = (): S3Error => new S3Error('MalformedACLError');
