// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policies have variables
import { expect, it } from 'vitest';
import { parseBucketPolicy } from '../../src/policy/bucket-policy.js';
import { isPublic } from '../../src/policy/is-public.js';

const VPC = { StringEquals: { 'aws:SourceVpc': 'vpc-91237329' } };
const isPublicWith = (...changes: object[]): boolean =>
  isPublic(
    parseBucketPolicy(
      {
        Version: '2012-10-17',
        Statement: changes.map((change) => ({
          ...{ Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: 'arn:aws:s3:::bucket/*' },
          ...change,
        })),
      },
      'bucket',
    ),
  );
const when = (Condition: object) => isPublicWith({ Condition });

it('an allowance for everybody is public, whatever else there is', () => {
  expect(isPublicWith({})).toBe(true);
  expect(isPublicWith({ Principal: { AWS: '*' } })).toBe(true);
  expect(isPublicWith({ Principal: { AWS: ['111111111111', '*'] } })).toBe(true);
  expect(isPublicWith({ Principal: { AWS: '111111111111' } }, {})).toBe(true);
  expect(isPublicWith({}, { Effect: 'Deny', Action: 's3:*' })).toBe(true);
  expect(isPublicWith({ Condition: VPC }, {})).toBe(true);
});

it('one for somebody is not, nor is a denial', () => {
  expect(isPublicWith({ Principal: { AWS: '111111111111' } })).toBe(false);
  expect(isPublicWith({ Principal: { Service: 's3.amazonaws.com', CanonicalUser: 'c' } })).toBe(false);
  expect(isPublicWith({ Effect: 'Deny' })).toBe(false);
  expect(isPublicWith({ Effect: 'Deny', Principal: undefined, NotPrincipal: { AWS: '111111111111' } })).toBe(false);
});

it.each<[object, boolean]>([
  [VPC, false],
  [{ StringEquals: { 'AWS:sourcevpc': ['vpc-1', 'vpc-2'] } }, false],
  [{ StringLike: { 'aws:SourceVpc': 'vpc-1' } }, false],
  [{ StringLike: { 'aws:SourceVpc': 'vpc-*' } }, true],
  [{ StringLike: { 'aws:SourceVpc': ['vpc-1', '*'] } }, true],
  [{ StringEquals: { 'aws:SourceVpc': '${aws:PrincipalTag/vpc}' } }, true],
  [{ StringEqualsIfExists: { 'aws:SourceVpc': 'vpc-1' } }, true],
  [{ StringNotEquals: { 'aws:SourceVpc': 'vpc-1' } }, true],
  [{ 'ForAllValues:StringEquals': { 'aws:SourceVpc': 'vpc-1' } }, true],
  [{ 'ForAnyValue:StringEquals': { 'aws:SourceVpc': 'vpc-1' } }, false],
  [{ Null: { 'aws:SourceVpc': 'false' } }, true],
  [{ StringEquals: { 'aws:PrincipalOrgID': 'o-1' } }, false],
  [{ StringEquals: { 'aws:SourceAccount': '111111111111' } }, false],
  [{ StringEquals: { 'aws:userid': 'AIDAX' } }, false],
  [{ StringLike: { 'aws:userid': 'AROAX:*' } }, true],
  [{ ArnEquals: { 'aws:SourceArn': 'arn:aws:sns:us-east-1:111111111111:t' } }, false],
  [{ ArnLike: { 'aws:SourceArn': 'arn:aws:sns:*:*:*' } }, true],
  [{ ArnLike: { 's3:DataAccessPointArn': 'arn:aws:s3:us-west-2:111111111111:accesspoint/*' } }, false],
  [{ ArnLike: { 's3:DataAccessPointArn': 'arn:aws:s3:us-west-2:*:accesspoint/*' } }, true],
  [{ StringEquals: { 's3:x-amz-server-side-encryption-aws-kms-key-id': 'k' } }, false],
  [{ StringEquals: { 'aws:Referer': 'https://example.com' } }, true],
  [{ Bool: { 'aws:SecureTransport': 'true' } }, true],
  [{ Bool: { 'aws:SecureTransport': 'true' }, ...VPC }, false],
  [{ IpAddress: { 'aws:SourceIp': '203.0.113.0/24' } }, false],
  [{ IpAddress: { 'aws:SourceIp': ['203.0.113.7', '2001:db8::/32'] } }, false],
  [{ IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }, false],
  [{ IpAddress: { 'aws:SourceIp': '0.0.0.0/0' } }, true],
  [{ IpAddress: { 'aws:SourceIp': '0.0.0.0/1' } }, true],
  [{ IpAddress: { 'aws:SourceIp': ['203.0.113.7', '::/0'] } }, true],
  [{ IpAddress: { 'aws:SourceIp': '2001::/16' } }, true],
  [{ NotIpAddress: { 'aws:SourceIp': '203.0.113.0/24' } }, true],
  [{ IpAddressIfExists: { 'aws:SourceIp': '203.0.113.0/24' } }, true],
])('with the condition %j: %j', (condition, expected) => {
  expect(when(condition)).toBe(expected);
});
