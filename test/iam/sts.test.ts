import { expect, it } from 'vitest';
import { Accounts } from '../../src/iam/accounts.js';
import { getCallerIdentity, queryError } from '../../src/iam/sts.js';

it('GetCallerIdentity says who signed', () => {
  const accounts = new Accounts([
    {
      accountId: '111111111111',
      accessKeys: [{ accessKeyId: 'ROOT', secretAccessKey: 'secretsecret' }],
      users: [{ userName: 'alice', accessKeys: [{ accessKeyId: 'ALICE', secretAccessKey: 'secretsecret' }] }],
    },
  ]);
  const answer = (accessKeyId: string) => getCallerIdentity(accounts.find(accessKeyId)!.caller, 'request-1');
  expect(answer('ROOT')).toBe(
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
      '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>' +
      '<Arn>arn:aws:iam::111111111111:root</Arn><UserId>111111111111</UserId><Account>111111111111</Account>' +
      '</GetCallerIdentityResult><ResponseMetadata><RequestId>request-1</RequestId></ResponseMetadata>' +
      '</GetCallerIdentityResponse>',
  );
  expect(answer('ALICE')).toMatch(
    /<Arn>arn:aws:iam::111111111111:user\/alice<\/Arn><UserId>AIDA[A-Z2-7]{17}<\/UserId><Account>111111111111<\/Account>/,
  );
});

it('errors of the query protocol name type, code and message', () => {
  expect(queryError('InvalidAction', 'a < b', 'request-1')).toBe(
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
      '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>' +
      '<Code>InvalidAction</Code><Message>a &lt; b</Message></Error><RequestId>request-1</RequestId></ErrorResponse>',
  );
});
