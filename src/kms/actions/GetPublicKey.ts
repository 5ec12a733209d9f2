import { keyAction } from '../action.js';
import { algorithmsOf, isPair } from '../crypto/key-spec.js';
import { unsupported } from '../errors.js';

export const getPublicKey = keyAction({
  name: 'GetPublicKey',
  input: (input) => input.grantTokens(),
  needs: () => ({}),
  states: 'usable',
  check(record, arn) {
    if (!isPair(record.spec)) {
      throw unsupported(`${arn} key spec is ${record.spec} which is not valid for GetPublicKey.`);
    }
  },
  otherAccounts: true,
  byAlias: true,
  handle(_, record, { keys }) {
    return {
      KeyId: keys.arn(record),
      PublicKey: keys.current(record).publicKey,
      CustomerMasterKeySpec: record.spec,
      KeySpec: record.spec,
      KeyUsage: record.usage,
      ...algorithmsOf(record.spec, record.usage),
    };
  },
});
