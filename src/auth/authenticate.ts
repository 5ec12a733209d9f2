import { AuthError, forService } from './error.js';
import { headerText } from './header-text.js';
import type { Authenticated, AuthOptions } from './options.js';
import { CONTENT_SHA256, UNSIGNED, wrapPayload } from './payload.js';
import { ANONYMOUS, type SignedRequest } from './ports.js';
import { queryParameters } from './query.js';
import { unsupportedMechanism } from './refusals.js';
import { byHeader } from './v4/header.js';
import { byQuery } from './v4/query.js';
import { ALGORITHM } from './v4/verify.js';

export type { Authenticated, AuthOptions } from './options.js';

/**
 * Who sent the request, by Signature Version 4 in a header or in the query. Without either: anonymous.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
 * @throws AuthError
 */
export function authenticate(request: SignedRequest, options: AuthOptions): Authenticated {
  try {
    return choose(request, options);
  } catch (error) {
    throw error instanceof AuthError ? forService(error, options.service) : error;
  }
}

function choose(request: SignedRequest, options: AuthOptions): Authenticated {
  const authorization = headerText(request.headers.authorization);
  const query = request.rawQuery.includes('X-Amz-') ? queryParameters(request.rawQuery) : undefined;
  const inQuery = query?.has('X-Amz-Algorithm') || query?.has('X-Amz-Signature') || query?.has('X-Amz-Credential');
  if (authorization !== undefined && inQuery) {
    throw new AuthError(
      'InvalidArgument',
      400,
      'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified',
      { ArgumentName: 'Authorization', ArgumentValue: authorization.split(' ')[0]! },
    );
  }
  if (authorization !== undefined) {
    if (!authorization.startsWith(ALGORITHM)) throw unsupportedMechanism();
    return byHeader(request, options, authorization);
  }
  if (inQuery && query) return byQuery(request, options, query);
  if (/(^|&)(AWSAccessKeyId|Signature)=/.test(request.rawQuery)) throw unsupportedMechanism();
  return anonymous(request, options);
}

function anonymous(request: SignedRequest, { service }: AuthOptions): Authenticated {
  if (service !== 's3') {
    const code = service === 'kms' ? 'MissingAuthenticationTokenException' : 'MissingAuthenticationToken';
    throw new AuthError(code, service === 'kms' ? 400 : 403, 'Missing Authentication Token');
  }
  const payload = headerText(request.headers[CONTENT_SHA256]) ?? UNSIGNED;
  return {
    caller: ANONYMOUS,
    signature: { type: 'anonymous', version: '', ageMs: 0, region: '' },
    wrapBody: (raw) => wrapPayload(raw, request, payload, undefined),
  };
}
