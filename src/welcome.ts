import { shownUrl } from './config/kinds.js';
import type { Config } from './config.js';
import type { Coffer } from './gateway/start.js';

/**
 * What a start prints: where it serves, where keys and credentials lie, and commands to paste. A secret is printed where it was
 * made just now, and onto a terminal only.
 */
export function welcome(coffer: Coffer, config: Config, terminal: boolean): string {
  const { url, rootKeyFile, credentialsFile, newCredentials } = coffer;
  const given = config.accountsFile ?? 'from COFFER_ACCESS_KEY_ID and COFFER_SECRET_ACCESS_KEY';
  const lines = [
    `Coffer serves on ${url}`,
    `  data         ${config.meta === 'embedded' ? config.dataDir : shownUrl(config.meta)}`,
    `  root key     ${rootKeyFile ?? 'from the passphrase'}`,
    `  credentials  ${credentialsFile ?? given}`,
  ];
  if (terminal && newCredentials) {
    lines.push(`  access key   ${newCredentials.accessKeyId}`);
    lines.push(`  secret key   ${newCredentials.secretAccessKey.expose().toString('utf8')}`);
  }
  lines.push('', 'Try it:');
  if (credentialsFile) {
    lines.push(`  export AWS_SHARED_CREDENTIALS_FILE=${quoted(credentialsFile)} AWS_DEFAULT_REGION=${config.region}`);
  } else {
    lines.push(`  export AWS_DEFAULT_REGION=${config.region}   # and the access key`);
  }
  const aws = `aws --endpoint-url ${url}${config.tls === 'self-signed' ? ' --no-verify-ssl' : ''}`;
  lines.push(`  ${aws} s3 mb s3://hello`);
  lines.push(`  echo 'Hello, Coffer' | ${aws} s3 cp - s3://hello/greeting.txt --sse aws:kms`);
  lines.push(`  ${aws} s3 ls s3://hello`);
  lines.push(`  ${aws} s3 cp s3://hello/greeting.txt -`);
  return `${lines.join('\n')}\n`;
}

/** For a shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
