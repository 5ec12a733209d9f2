import { dataKeyPairAction } from '../data-key-pair.js';

export const generateDataKeyPair = dataKeyPairAction('GenerateDataKeyPair', true);
