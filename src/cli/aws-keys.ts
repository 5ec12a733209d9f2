import { CommandError } from '../admin/errors.js';
import { Secret } from '../base/secret.js';
import type { Keys } from './server.js';

/** Whether the environment says which credentials AWS's tools are to use, beyond what lies in their default place. */
export const awsKeysAreNamed = (env = process.env): boolean =>
  [env.AWS_ACCESS_KEY_ID, env.AWS_PROFILE, env.AWS_SHARED_CREDENTIALS_FILE].some(Boolean);

/**
 * As AWS's tools find them: a profile that is named, the environment, or the default profile of `~/.aws/credentials` and
 * `~/.aws/config`. Undefined where there are none. https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
 *
 * @throws CommandError where a profile is named and can't be used
 */
export async function awsKeys(env = process.env): Promise<Keys | undefined> {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secret, AWS_PROFILE: profile } = env;
  if (accessKeyId && secret && !profile) return keys(accessKeyId, secret);
  // It takes a while to load: only who uses it waits for it.
  const { fromIni } = await import('@aws-sdk/credential-provider-ini');
  try {
    const found = await fromIni(profile ? { profile } : {})();
    return keys(found.accessKeyId, found.secretAccessKey);
  } catch (error) {
    if (!awsKeysAreNamed(env)) return undefined;
    throw new CommandError(
      'NoCredentials',
      `no credentials of AWS’s files: ${(error as Error).message.split('\n')[0]}`,
    );
  }
}

const keys = (accessKeyId: string, secret: string): Keys => ({
  accessKeyId,
  secretAccessKey: new Secret(Buffer.from(secret, 'utf8')),
});
