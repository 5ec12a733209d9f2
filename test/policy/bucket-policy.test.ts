// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policies have variables
import { describe, expect, it } from 'vitest';
import { parseBucketPolicy } from '../../src/policy/bucket-policy.js';
import { PolicyError } from '../../src/policy/error.js';

const OBJECTS = 'arn:aws:s3:::bucket/*';
const statement = { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: OBJECTS };
const policy = (...statements: unknown[]) => ({ Version: '2012-10-17', Statement: statements });
const changed = (change: object) => policy({ ...statement, ...change });

describe('bucket policies are taken', () => {
  it('as text and as JSON, with every element as a list', () => {
    const parsed = {
      version: '2012-10-17',
      statements: [{ effect: 'Allow', principals: { any: true }, actions: ['s3:GetObject'], resources: [OBJECTS] }],
    };
    expect(parseBucketPolicy(policy(statement), 'bucket')).toEqual(parsed);
    expect(parseBucketPolicy(JSON.stringify(policy(statement)), 'bucket')).toEqual(parsed);
    expect(parseBucketPolicy({ Statement: statement }, 'bucket').statements).toEqual(parsed.statements);
  });

  it.each<[string, object]>([
    ['an action of the bucket', { Action: 's3:ListBucket', Resource: 'arn:aws:s3:::bucket' }],
    ['actions of both', { Action: ['s3:ListBucket', 's3:getobject'], Resource: ['arn:aws:s3:::bucket', OBJECTS] }],
    ['all actions', { Action: 's3:*' }],
    ['everything', { Action: '*', Resource: 'arn:aws:s3:::bucket*' }],
    ['a prefix that reaches objects', { Action: 's3:Get*', Resource: 'arn:aws:s3:::bucket/a/${aws:username}/*' }],
    ['both by one wildcard', { Action: ['s3:ListBucket', 's3:PutObject'], Resource: 'arn:aws:s3:::bucket*' }],
    ['all but some', { Effect: 'Deny', Action: undefined, NotAction: 's3:GetObject' }],
    ['all others', { Effect: 'Deny', Principal: undefined, NotPrincipal: { AWS: '111111111111' } }],
    ['services and canonical users', { Principal: { Service: 'logging.s3.amazonaws.com', CanonicalUser: 'c' } }],
    [
      'a listing by prefix',
      {
        Action: 's3:ListBucket',
        Resource: 'arn:aws:s3:::bucket',
        Condition: { StringLike: { 's3:prefix': 'a/*' }, NumericLessThan: { 'S3:Max-Keys': '10' } },
      },
    ],
    [
      'tags as keys',
      { Condition: { StringEquals: { 's3:ExistingObjectTag/Team': 'a', 'aws:PrincipalTag/x y': 'b' } } },
    ],
    [
      'a key that some of the actions have',
      {
        Action: 's3:List*',
        Resource: 'arn:aws:s3:::bucket',
        Condition: { StringEquals: { 's3:prefix': '' } },
      },
    ],
  ])('with %s', (_, change) => {
    expect(parseBucketPolicy(changed(change), 'bucket').statements.length).toBe(1);
    expect(parseBucketPolicy(JSON.stringify(changed(change)), 'bucket').statements.length).toBe(1);
  });
});

const NOT_JSON = "Policies must be valid JSON and the first byte must be '{'";

describe('bucket policies are refused', () => {
  it.each<[string, unknown, string]>([
    ['nothing', '', NOT_JSON],
    ['any text', 'invalid json', NOT_JSON],
    ['a list', '[]', NOT_JSON],
    ['white space first', ` ${JSON.stringify(policy(statement))}`, NOT_JSON],
    ['a text that ends early', JSON.stringify(policy(statement)).slice(0, -1), NOT_JSON],
    ['a member twice', '{"Version":"2012-10-17","Version":"2012-10-17"}', NOT_JSON],
    ['null', null, NOT_JSON],
    ['an empty object', '{}', 'Missing required field Statement'],
    ['no statement', policy(), 'Could not parse the policy: Statement is empty!'],
    ['an unknown member', { ...policy(statement), Comment: '' }, 'Unknown field Comment'],
    [
      'another version',
      { Version: '2020-01-01', Statement: statement },
      'The policy must contain a valid version string',
    ],
    ['an Id that is no text', { ...policy(statement), Id: 1 }, 'Invalid policy syntax.'],
    ['a statement that is none', policy('x'), 'Invalid policy syntax.'],
    ['an unknown element', changed({ Actions: 's3:*' }), 'Unknown field Actions'],
    ['no effect', changed({ Effect: undefined }), 'Missing required field Effect'],
    ['another effect', changed({ Effect: 'allow' }), 'Invalid effect: allow'],
    ['no principal', changed({ Principal: undefined }), 'Missing required field Principal'],
    ['a principal by name', changed({ Principal: { AWS: 'alice' } }), 'Invalid principal in policy'],
    [
      'a principal with a wildcard',
      changed({ Principal: { AWS: 'arn:aws:iam::*:root' } }),
      'Invalid principal in policy',
    ],
    ['a principal of no kind', changed({ Principal: { Group: 'x' } }), 'Invalid principal in policy'],
    ['nobody', changed({ Principal: {} }), 'Invalid principal in policy'],
    ['two kinds of principals', changed({ NotPrincipal: '*' }), 'Invalid policy syntax.'],
    [
      'an allowance for all others',
      changed({ Principal: undefined, NotPrincipal: '*' }),
      'Allow with NotPrincipal is not allowed.',
    ],
    ['no action', changed({ Action: undefined }), 'Missing required field Action'],
    ['an empty list of actions', changed({ Action: [] }), 'Missing required field Action'],
    ['an action that there is not', changed({ Action: 's3:GetObjects' }), 'Policy has invalid action'],
    ['an action of another service', changed({ Action: ['s3:GetObject', 'kms:Decrypt'] }), 'Policy has invalid action'],
    ['a number for an action', changed({ Action: 1 }), 'Policy has invalid action'],
    ['no resource', changed({ Resource: undefined }), 'Missing required field Resource'],
    ['everything as resource', changed({ Resource: '*' }), 'Policy has invalid resource'],
    ['all buckets', changed({ Resource: 'arn:aws:s3:::*' }), 'Policy has invalid resource'],
    ['another bucket', changed({ Resource: [OBJECTS, 'arn:aws:s3:::other/*'] }), 'Policy has invalid resource'],
    ['a bucket whose name goes on', changed({ Resource: 'arn:aws:s3:::bucket2/*' }), 'Policy has invalid resource'],
    [
      'a variable as bucket',
      changed({ Resource: 'arn:aws:s3:::bucket${aws:username}' }),
      'Policy has invalid resource',
    ],
    ['a bare name', changed({ Resource: 'bucket/*' }), 'Policy has invalid resource'],
    [
      'an action of the bucket on objects',
      changed({ Action: 's3:ListBucket' }),
      'Action does not apply to any resource(s) in statement',
    ],
    [
      'an action of objects on the bucket',
      changed({ Resource: 'arn:aws:s3:::bucket' }),
      'Action does not apply to any resource(s) in statement',
    ],
    [
      'one such action among others',
      changed({ Action: ['s3:GetObject', 's3:ListBucket'] }),
      'Action does not apply to any resource(s) in statement',
    ],
    [
      'an action of the account',
      changed({ Action: 's3:ListAllMyBuckets' }),
      'Action does not apply to any resource(s) in statement',
    ],
    [
      'a key that there is not',
      changed({ Condition: { StringEquals: { 's3:nothing': 'x' } } }),
      'Policy has an invalid condition key',
    ],
    [
      'a key of another service',
      changed({ Condition: { StringEquals: { 'kms:ViaService': 'x' } } }),
      'Policy has an invalid condition key',
    ],
    [
      'a tag without a name',
      changed({ Condition: { StringEquals: { 's3:ExistingObjectTag/': 'x' } } }),
      'Policy has an invalid condition key',
    ],
    [
      'an operator that there is not',
      changed({ Condition: { StringSounds: { 'aws:userid': 'x' } } }),
      'Invalid Condition type : StringSounds',
    ],
    [
      'a value that is none',
      changed({ Condition: { Bool: { 'aws:SecureTransport': 'x' } } }),
      'Invalid policy syntax.',
    ],
    [
      'a listing key on reading',
      changed({ Condition: { StringEquals: { 's3:prefix': 'x' } } }),
      'Conditions do not apply to combination of actions and resources in statement',
    ],
    ['a Sid twice', policy({ ...statement, Sid: 'a' }, { ...statement, Sid: 'a' }), 'Invalid policy syntax.'],
  ])('with %s', (_, json, message) => {
    expect(() => parseBucketPolicy(json, 'bucket')).toThrow(new PolicyError(message));
  });
});
