import type { RequestFacts } from './conditions.js';
import { MESSAGE_TYPES, type MessageType, SIGNING_ALGORITHMS, type SigningAlgorithm } from './crypto/key-spec.js';
import type { Input } from './fields.js';

/** What Sign and Verify share. */
export interface SigningRequest {
  messageType: MessageType;
  algorithm: SigningAlgorithm;
}

export function readSigning(input: Input): SigningRequest {
  input.grantTokens();
  return {
    messageType: input.oneOf('MessageType', MESSAGE_TYPES) ?? 'RAW',
    algorithm: input.requiredOneOf('SigningAlgorithm', SIGNING_ALGORITHMS),
  };
}

export const signingFacts = ({ messageType, algorithm }: SigningRequest): RequestFacts => ({
  keys: { 'kms:messagetype': messageType, 'kms:signingalgorithm': algorithm },
});
