import { describe, expect, it } from 'vitest';
import { compileActions, compileResource, compileResources, compileWildcard } from '../../src/policy/match.js';
import { cpuMs, yardstickMs } from '../support/cpu.js';
import { arnGlob, glob } from './naive-glob.js';
import { randomFrom } from './random.js';

describe('wildcards', () => {
  it.each([
    ['abc', 'abc', true],
    ['abc', 'abcd', false],
    ['*', '', true],
    ['a*', 'a', true],
    ['a*c', 'abcbc', true],
    ['a*c', 'abcb', false],
    ['?', '', false],
    ['?', 'a', true],
    ['?', '😀', true],
    ['??', '😀', false],
    ['*??', 'x😀', true],
    ['*??', '😀', false],
    ['a**b', 'ab', true],
    ['', '', true],
    ['', 'a', false],
    ['a.c', 'abc', false],
    ['[ab]', 'a', false],
    ['*.txt', 'a.txt.txt', true],
  ])('%j and %j: %j', (pattern, text, expected) => {
    expect(compileWildcard(pattern)(text)).toBe(expected);
    expect(glob(pattern, text)).toBe(expected);
  });

  it('agree with a recursive matcher on 20,000 random pairs', () => {
    const { pick, below } = randomFrom(7);
    let matched = 0;
    for (let i = 0; i < 20_000; i++) {
      const pattern = Array.from({ length: below(7) }, () => pick(['a', 'b', '*', '?', '😀'])).join('');
      const text = Array.from({ length: below(8) }, () => pick(['a', 'b', '😀'])).join('');
      const got = compileWildcard(pattern)(text);
      if (got) matched++;
      expect(got, `${pattern} on ${text}`).toBe(glob(pattern, text));
    }
    expect(matched).toBeGreaterThan(1000);
  });

  it('stay fast on patterns made to be slow', () => {
    const text = `arn:aws:s3:::${'a'.repeat(1024)}`;
    const patterns = [
      `arn:aws:s3:::${'*a'.repeat(500)}*b`,
      `arn:aws:s3:::*${'?a'.repeat(400)}b`,
      `arn:a*s:s3:::${'*a'.repeat(500)}*b`,
    ];
    const spent = cpuMs(() => {
      for (const pattern of patterns) expect(compileResource(pattern)(text)).toBe(false);
    });
    expect(spent).toBeLessThan(5 * yardstickMs());
  });
});

describe('actions', () => {
  const matches = (patterns: string[], action: string): boolean => compileActions(patterns)(action.toLowerCase());

  it('are compared without regard to case', () => {
    expect(matches(['S3:getobject'], 's3:GetObject')).toBe(true);
    expect(matches(['s3:GET*'], 's3:GetObject')).toBe(true);
    expect(matches(['s3:Put*'], 's3:GetObject')).toBe(false);
  });

  it('any of several matches, * and *:* match all', () => {
    expect(matches(['kms:Decrypt', 's3:Get?bject', 's3:Put*'], 's3:GetObject')).toBe(true);
    expect(matches(['*'], 'kms:Decrypt')).toBe(true);
    expect(matches(['*:*'], 'kms:Decrypt')).toBe(true);
  });
});

describe('resources', () => {
  it.each([
    ['arn:aws:s3:::bucket/*', 'arn:aws:s3:::bucket/a/b:c', true],
    ['arn:aws:s3:::bucket/*', 'arn:aws:s3:::bucket', false],
    ['arn:aws:s3:::bucket*', 'arn:aws:s3:::bucket', true],
    ['arn:aws:s3:::Bucket/*', 'arn:aws:s3:::bucket/a', false],
    ['arn:aws:s3:::b/a*z', 'arn:aws:s3:::b/a:b:z', true],
    ['arn:aws:s3:::b/a?z', 'arn:aws:s3:::b/a:z', true],
    ['arn:aws:kms:*:111111111111:key/*', 'arn:aws:kms:us-east-1:111111111111:key/1', true],
    ['arn:aws:kms:us-*-1:111111111111:key/*', 'arn:aws:kms:us-east-1:111111111111:key/1', true],
    // Inside a segment a wildcard stops at the colon; at its end `*` goes on.
    ['arn:aws:k*1:111111111111:key/x', 'arn:aws:kms:us-east-1:111111111111:key/x', false],
    ['arn:aws?kms:us-east-1:111111111111:key/x', 'arn:aws:kms:us-east-1:111111111111:key/x', false],
    ['arn:aws:*:111111111111:key/x', 'arn:aws:kms:us-east-1:111111111111:key/x', true],
    ['arn:aws:kms*', 'arn:aws:kms:us-east-1:111111111111:key/x', true],
    ['*', 'arn:aws:s3:::b', true],
  ])('%j and %j: %j', (pattern, arn, expected) => {
    expect(compileResource(pattern)(arn)).toBe(expected);
    expect(compileResources([pattern, 'arn:aws:other:::'])(arn)).toBe(expected);
    expect(arnGlob(pattern, arn)).toBe(expected);
  });

  it('agree with a matcher that cuts ARNs into segments, on 20,000 random pairs', () => {
    const { pick, below } = randomFrom(11);
    let matched = 0;
    for (let i = 0; i < 20_000; i++) {
      const segment = (from: readonly string[], max: number) =>
        Array.from({ length: below(max) }, () => pick(from)).join('');
      const pattern = Array.from({ length: 1 + below(7) }, () => segment(['a', '*', '?'], 3)).join(':');
      const text = Array.from({ length: 1 + below(8) }, () => segment(['a', 'b'], 3)).join(':');
      const got = compileResource(pattern)(text);
      if (got) matched++;
      expect(got, `${pattern} on ${text}`).toBe(arnGlob(pattern, text));
    }
    expect(matched).toBeGreaterThan(500);
  });
});
