import { partitionOf, servicePrincipalOf } from '../base/partition.js';

/** It trusts the account: its root may do all, and its identity policies decide for users and roles. */
export const defaultPolicy = (accountId: string, region: string): string =>
  text('key-default-1', [
    {
      Sid: 'Enable IAM User Permissions',
      Effect: 'Allow',
      Principal: { AWS: `arn:${partitionOf(region)}:iam::${accountId}:root` },
      Action: 'kms:*',
      Resource: '*',
    },
  ]);

/**
 * The policy of an AWS-managed key, which nobody can change: whoever of the account may use the service may use the key through
 * it, and the account may look at it. Nothing in it lets the customer disable, rotate or delete the key.
 */
export const managedKeyPolicy = (accountId: string, region: string, service: string): string =>
  text(`auto-${service}-2`, [
    {
      Sid: `Allow access through ${service} for all principals in the account that are authorized to use it`,
      Effect: 'Allow',
      Principal: { AWS: '*' },
      Action: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
      Resource: '*',
      Condition: {
        StringEquals: { 'kms:CallerAccount': accountId, 'kms:ViaService': servicePrincipalOf(service, region) },
      },
    },
    {
      Sid: 'Allow direct access to key metadata to the account',
      Effect: 'Allow',
      Principal: { AWS: `arn:${partitionOf(region)}:iam::${accountId}:root` },
      Action: ['kms:Describe*', 'kms:Get*', 'kms:List*'],
      Resource: '*',
    },
  ]);

const text = (id: string, statements: object[]): string =>
  JSON.stringify({ Version: '2012-10-17', Id: id, Statement: statements }, null, 2);
