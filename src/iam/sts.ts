import type { Caller } from '../auth/ports.js';
import { xmlDocument } from '../base/xml/write.js';

const XMLNS = 'https://sts.amazonaws.com/doc/2011-06-15/';

/** The answer to GetCallerIdentity. https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html */
export function getCallerIdentity(caller: Caller, requestId: string): string {
  return xmlDocument(
    'GetCallerIdentityResponse',
    [
      [
        'GetCallerIdentityResult',
        [
          ['Arn', caller.arn],
          ['UserId', caller.userId],
          ['Account', caller.accountId],
        ],
      ],
      ['ResponseMetadata', [['RequestId', requestId]]],
    ],
    XMLNS,
  );
}

/** An error of the query protocol. */
export function queryError(
  code: string,
  message: string,
  requestId: string,
  fault: 'Sender' | 'Receiver' = 'Sender',
): string {
  return xmlDocument(
    'ErrorResponse',
    [
      [
        'Error',
        [
          ['Type', fault],
          ['Code', code],
          ['Message', message],
        ],
      ],
      ['RequestId', requestId],
    ],
    XMLNS,
  );
}
