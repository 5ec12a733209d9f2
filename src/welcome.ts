import type { Config } from './config.js';
import type { Coffer } from './wire.js';

/** What a start prints: where it serves, where keys and credentials lie, and commands to paste. Secrets only onto a terminal. */
export function welcome(coffer: Coffer, config: Config): string {
  const lines = [`Coffer serves on ${coffer.url}`, `  data         ${config.dataDir}`];
  lines.push(`  root key     ${coffer.rootKeyFile ?? 'from the passphrase'}`);
  const { credentialsFile } = coffer;
  lines.push(
    `  credentials  ${credentialsFile ?? config.accountsFile ?? 'from COFFER_ACCESS_KEY_ID and COFFER_SECRET_ACCESS_KEY'}`,
  );
  const verify = coffer.url.startsWith('https') && config.tls === 'self-signed' ? ' --no-verify-ssl' : '';
  const aws = `aws --endpoint-url ${coffer.url}${verify}`;
  lines.push('', 'Try it:');
  if (credentialsFile)
    lines.push(`  export AWS_SHARED_CREDENTIALS_FILE='${credentialsFile}' AWS_DEFAULT_REGION=${config.region}`);
  lines.push(`  ${aws} s3 mb s3://hello`);
  lines.push(`  echo 'Hello, Coffer' | ${aws} s3 cp - s3://hello/greeting.txt --sse aws:kms`);
  lines.push(`  ${aws} s3 cp s3://hello/greeting.txt -`);
  return `${lines.join('\n')}\n`;
}
