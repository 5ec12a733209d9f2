import { dataKeyPairAction } from '../data-key-pair.js';

export const generateDataKeyPairWithoutPlaintext = dataKeyPairAction('GenerateDataKeyPairWithoutPlaintext', false);
