import { keyAction } from '../action.js';
import { unsupported } from '../errors.js';
import { algorithms } from '../metadata.js';

export const getPublicKey = keyAction({
  name: 'GetPublicKey',
  input: (input) => input.grantTokens(),
  needs: () => ({}),
  states: 'usable',
  check(record, arn) {
    if (record.spec === 'SYMMETRIC_DEFAULT' || record.usage === 'GENERATE_VERIFY_MAC') {
      throw unsupported(`${arn} key spec is ${record.spec} which is not valid for GetPublicKey.`);
    }
  },
  otherAccounts: true,
  handle(_, record, { keys }) {
    return {
      KeyId: keys.arn(record),
      PublicKey: keys.current(record).publicKey,
      CustomerMasterKeySpec: record.spec,
      KeySpec: record.spec,
      KeyUsage: record.usage,
      ...algorithms(record),
    };
  },
});
