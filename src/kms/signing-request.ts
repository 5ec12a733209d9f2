import type { RequestFacts } from './conditions.js';
import { type MessageType, SIGNING_ALGORITHMS } from './crypto/signing-algorithm.js';
import type { Input } from './fields.js';

/** SM2DSA is AWS's in China alone: it is known, and no key here goes with it. */
const ALGORITHMS = [...Object.keys(SIGNING_ALGORITHMS), 'SM2DSA'];
const MESSAGE_TYPES: readonly MessageType[] = ['RAW', 'DIGEST', 'EXTERNAL_MU'];

/** What Sign and Verify share. */
export interface SigningRequest {
  messageType: MessageType;
  /** Any name of SigningAlgorithmSpec. */
  algorithm: string;
}

export function readSigning(input: Input): SigningRequest {
  input.grantTokens();
  return {
    messageType: input.oneOf('MessageType', MESSAGE_TYPES) ?? 'RAW',
    algorithm: input.requiredOneOf('SigningAlgorithm', ALGORITHMS),
  };
}

export const signingFacts = ({ messageType, algorithm }: SigningRequest): RequestFacts => ({
  keys: { 'kms:messagetype': messageType, 'kms:signingalgorithm': algorithm },
});
