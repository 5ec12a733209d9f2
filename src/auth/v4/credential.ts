import type { AuthError } from '../error.js';
import type { AuthOptions } from '../options.js';
import { type ParsedCredential, parseCredential } from '../scope.js';

/** Says what is wrong as the place that the credential came from says it. */
type Fail = (why: string, extra?: Record<string, string>) => AuthError;

/** A credential for this endpoint. */
export function requireCredential(
  text: string,
  { region, regions, service }: AuthOptions,
  fail: Fail,
): ParsedCredential {
  const credential = parseCredential(text);
  if (credential?.terminator !== 'aws4_request') {
    throw fail('the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".');
  }
  if (credential.region !== region && !regions?.includes(credential.region)) {
    throw fail(`the region '${credential.region}' is wrong; expecting '${region}'`, { Region: region });
  }
  if (credential.service !== service) {
    throw fail(`incorrect service "${credential.service}". This endpoint belongs to "${service}".`);
  }
  if (!/^\d{8}$/.test(credential.date)) {
    throw fail(
      `incorrect date format "${credential.date}". This date in the credential must be in the format "yyyyMMdd".`,
    );
  }
  return credential;
}

/** The day of the scope is the day of the signature. `date`: as X-Amz-Date. */
export function requireSameDay(credential: ParsedCredential, date: string, fail: Fail): void {
  const day = date.slice(0, 8);
  if (credential.date === day) return;
  throw fail(`Invalid credential date "${credential.date}". This date is not the same as X-Amz-Date: "${day}".`);
}
