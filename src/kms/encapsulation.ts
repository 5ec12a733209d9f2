import type { RequestFacts } from './conditions.js';

/** EncapsulationAlgorithmSpec of the API model. */
export const ENCAPSULATION_ALGORITHMS = ['ML_KEM'] as const;

/** What Encapsulate and Decapsulate bring to conditions, named as the other algorithms' condition keys are. */
export const encapsulationFacts = ({ algorithm }: { algorithm: string }): RequestFacts => ({
  keys: { 'kms:encapsulationalgorithm': algorithm },
});
