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
  let name: string;
  try {
    parsed = new URL(url.replace(/^rados:(?!\/\/)/, 'rados://'));
    name = decodeURIComponent(parsed.hostname);
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
  for (const [param, value] of parsed.searchParams) {
    if (!(names as readonly string[]).includes(param)) {
      throw new ConfigError(`The place of blobs is ${form}: there is no parameter "${param}".`);
    }
    if (params[param as Name] !== undefined || value === '') {
      throw new ConfigError(`The place of blobs is ${form}: "${param}" has to have one value.`);
    }
    params[param as Name] = value;
  }
  return { name, params };
}
