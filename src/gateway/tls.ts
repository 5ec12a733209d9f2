import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { ConfigError } from '../base/config-error.js';
import type { Config } from '../config.js';
import { selfSigned } from '../http/self-signed.js';
import type { TlsFiles } from '../http/server.js';

/** Certificate and key as settings name them, or made. @throws ConfigError */
export async function tlsFiles(config: Config): Promise<TlsFiles | undefined> {
  if (config.tls === undefined) return undefined;
  const { certFile, keyFile } =
    config.tls === 'self-signed'
      ? await selfSigned(config.rootKeyFile, config.configHome, config.host, config.domain)
      : config.tls;
  const files = { cert: await tlsFile('certificate', certFile), key: await tlsFile('key', keyFile) };
  try {
    createSecureContext(files);
  } catch (error) {
    throw new ConfigError(
      `TLS certificate ${certFile} and key ${keyFile} are not PEM, or don't belong together (${(error as Error).message})`,
    );
  }
  return files;
}

async function tlsFile(what: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new ConfigError(`TLS ${what} ${path} can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
