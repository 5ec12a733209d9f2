import { ConfigError } from '../../base/config-error.js';

/** Where objects lie, taken from a URL like `s3://bucket?region=…`: its host and its parameters. */
export interface Place<Name extends string> {
  name: string;
  params: Partial<Record<Name, string>>;
}

/**
 * @param form how such a URL is written, for people
 * @throws ConfigError; a URL with a password in it isn't repeated
 */
export function parsePlace<Name extends string>(url: string, names: readonly Name[], form: string): Place<Name> {
  let parsed: URL;
  try {
    parsed = new URL(url.replace(/^rados:(?!\/\/)/, 'rados://'));
  } catch {
    throw new ConfigError(`The place of blobs is no URL of the form ${form}.`);
  }
  if (parsed.username || parsed.password) {
    throw new ConfigError(`The place of blobs is ${form}: there is no user or password in it.`);
  }
  const { hostname, pathname, port, hash } = parsed;
  if (hostname === '' || (pathname !== '' && pathname !== '/') || port !== '' || hash !== '') {
    throw new ConfigError(`The place of blobs is ${form}.`);
  }
  const params: Partial<Record<Name, string>> = {};
  for (const [name, value] of parsed.searchParams) {
    if (!(names as readonly string[]).includes(name)) {
      throw new ConfigError(`The place of blobs is ${form}: there is no parameter "${name}".`);
    }
    if (params[name as Name] !== undefined || value === '') {
      throw new ConfigError(`The place of blobs is ${form}: "${name}" has to have one value.`);
    }
    params[name as Name] = value;
  }
  return { name: decodeURIComponent(hostname), params };
}
