import { expect, test } from 'vitest';
import { comparable, inPartition, partitionOf, partitionOfArn, servicePrincipalOf } from '../../src/base/partition.js';

test.each([
  ['us-east-1', 'aws', 's3.us-east-1.amazonaws.com'],
  ['eu-central-1', 'aws', 's3.eu-central-1.amazonaws.com'],
  ['us-gov-east-1', 'aws-us-gov', 's3.us-gov-east-1.amazonaws.com'],
  ['cn-northwest-1', 'aws-cn', 's3.cn-northwest-1.amazonaws.com.cn'],
  ['us-iso-east-1', 'aws-iso', 's3.us-iso-east-1.c2s.ic.gov'],
  ['us-isob-east-1', 'aws-iso-b', 's3.us-isob-east-1.sc2s.sgov.gov'],
  ['eusc-de-east-1', 'aws-eusc', 's3.eusc-de-east-1.amazonaws.eu'],
  ['anywhere', 'aws', 's3.anywhere.amazonaws.com'],
])('%s is of %s', (region, partition, service) => {
  for (const _twice of [1, 2]) expect(partitionOf(region)).toBe(partition);
  expect(servicePrincipalOf('s3', region)).toBe(service);
});

test('an ARN goes from one partition to another, and what is none stays', () => {
  expect(inPartition('arn:aws:s3:::b/arn:aws:s3:::c', 'aws-cn')).toBe('arn:aws-cn:s3:::b/arn:aws:s3:::c');
  expect(inPartition('arn:aws-us-gov:s3:::b', 'aws-cn')).toBe('arn:aws-cn:s3:::b');
  expect(comparable('arn:aws-iso-b:iam::1:root')).toBe('arn:aws:iam::1:root');
  for (const text of ['arn:awsx:s3:::b', 's3.amazonaws.com', '*', '', 'arn:AWS-CN:s3:::b', 'x arn:aws-cn:s3:::b']) {
    expect([inPartition(text, 'aws-cn'), partitionOfArn(text)]).toEqual([text, undefined]);
  }
});
