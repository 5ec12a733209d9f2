import { AWS, comparable } from '../base/partition.js';
import { compileWildcard } from './match.js';
import type { RequestMatcher } from './template.js';

/** Whether an ARN of a policy, or a pattern of one, can be of this partition; those of another would never match anything. */
export function isOf(partition: string, arn: string): boolean {
  const own = arn.split(':')[1] ?? '';
  return own === AWS || own.includes('${') || compileWildcard(own)(partition);
}

/** The same test, also of the ARN as `arn:aws:…`: a policy may have been written so in every partition. */
export function inEither(matches: RequestMatcher): RequestMatcher {
  return (text, request) =>
    matches(text, request) || (text.startsWith('arn:aws-') && matches(comparable(text), request));
}
