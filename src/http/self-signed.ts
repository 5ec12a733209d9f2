import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ConfigError } from '../base/config-error.js';
import { makeDirectory } from '../base/make-directory.js';

const run = promisify(execFile);

/**
 * Where they lie, whether they were made yet or not: beside the root key, or in the config home, where they were made before they
 * lay beside a chosen root key file.
 */
export function selfSignedFiles(
  rootKeyFile: string | undefined,
  configHome: string,
): { certFile: string; keyFile: string } {
  const [first, ...former] = rootKeyFile === undefined ? [configHome] : [dirname(rootKeyFile), configHome];
  const inside = (directory: string) => ({
    certFile: join(directory, 'tls-self-signed.crt'),
    keyFile: join(directory, 'tls-self-signed.key'),
  });
  const made = [first!, ...former].find((directory) => existsSync(inside(directory).certFile));
  return inside(made ?? first!);
}

/** A certificate for this host, made once beside the root key. Node can't make X.509 certificates itself; `openssl` can. */
export async function selfSigned(
  rootKeyFile: string | undefined,
  configHome: string,
  host: string,
  domain: string | undefined,
): Promise<{ certFile: string; keyFile: string }> {
  const { certFile, keyFile } = selfSignedFiles(rootKeyFile, configHome);
  try {
    await access(certFile);
    await access(keyFile);
    return { certFile, keyFile };
  } catch {
    await makeDirectory(dirname(certFile));
  }
  const names = new Set(['localhost', '127.0.0.1', '::1', hostname(), host]);
  if (domain) names.add(domain).add(`*.${domain}`);
  names.delete('0.0.0.0');
  names.delete('::');
  const alternatives = [...names].map((name) => `${isIP(name) ? 'IP' : 'DNS'}:${name}`).join(',');
  const args = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '825',
    '-subj',
    '/CN=coffer',
  ];
  try {
    await run('openssl', [...args, '-addext', `subjectAltName=${alternatives}`, '-keyout', keyFile, '-out', certFile], {
      cwd: dirname(certFile),
    });
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new ConfigError(
      missing
        ? 'COFFER_TLS=self-signed needs openssl, which is not installed'
        : 'openssl could not make a self-signed certificate',
    );
  }
  return { certFile, keyFile };
}
