import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConfigError } from '../base/config-error.js';
import { Secret } from '../base/secret.js';

/** Makes a setting's value of its text. @throws ConfigError that names the setting */
export type Parse<T> = (text: string, name: string) => T;

/** On one line, whatever stands in the value. Not for secrets. */
export const shown = (name: string, value: string): string => `${name}=${JSON.stringify(value).slice(1, -1)}`;

export const text: Parse<string> = (value) => value;

/** Absolute, relative ones from the working directory. */
export const path: Parse<string> = (value) => resolve(value);

export const secret: Parse<Secret> = (value) => new Secret(Buffer.from(value, 'utf8'));

/** The content of a file, without the line end that editors and `echo` leave. */
export const secretFile: Parse<Secret> = (file, name) => {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new ConfigError(`${name}: ${file} can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const end = bytes.at(-1) === 0x0a ? (bytes.at(-2) === 0x0d ? -2 : -1) : bytes.length;
  const content = new Secret(Buffer.from(bytes.subarray(0, end)));
  bytes.fill(0);
  if (content.length === 0) throw new ConfigError(`${name}: ${file} is empty`);
  return content;
};

export function integer(min: number, max: number): Parse<number> {
  return (value, name) => {
    if (/^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max) return Number(value);
    throw new ConfigError(`${shown(name, value)} is not a whole number from ${min} to ${max}`);
  };
}

export function matching(pattern: RegExp, what: string): Parse<string> {
  return (value, name) => {
    if (!pattern.test(value)) throw new ConfigError(`${shown(name, value)} is not ${what}`);
    return value;
  };
}

export function oneOf<const T extends string>(...values: T[]): Parse<T> {
  return (value, name) => {
    if ((values as string[]).includes(value)) return value as T;
    throw new ConfigError(`${shown(name, value)} is none of ${values.join(', ')}`);
  };
}

export const list: Parse<string[]> = (value) =>
  value
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean);

/** A host name of at least one label, without port. Lower case. */
export const hostName: Parse<string> = (value, name) => {
  const lower = value.toLowerCase();
  const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
  if (lower.length > 253 || !new RegExp(`^${label}(\\.${label})*$`).test(lower) || /^[\d.]+$/.test(lower)) {
    throw new ConfigError(`${shown(name, value)} is not a domain name such as s3.example.com`);
  }
  return lower;
};

/** Of a URL that may hold secrets: who is asked where, no password and no parameters. */
export function shownUrl(value: string): string {
  if (!URL.canParse(value)) return value.replace(/[:?].*$/s, '');
  const url = new URL(value);
  // A password that isn't escaped ends the authority where it has a / or a ?.
  if (`${url.pathname}${url.search}${url.hash}`.includes('@')) return `${url.protocol}//…`;
  const user = url.username === '' ? '' : `${url.username}@`;
  return `${url.protocol}${url.host || user ? `//${user}${url.host}` : ''}${url.pathname}`;
}

/** `embedded`, or the URL of a database. The value isn't repeated in the message: a password may stand in it. */
export const metaEngine: Parse<string> = (value, name) => {
  if (value === 'embedded') return value;
  if (!URL.canParse(value) || new URL(value).host === '') {
    throw new ConfigError(`${name} is neither embedded nor a URL such as postgres://user@host/database`);
  }
  return value;
};

/** The value isn't repeated in the message: credentials may stand in it. */
export const httpUrl: Parse<string> = (value, name) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw new ConfigError(`${name} is not an http(s) URL`);
  if (url.username || url.password) throw new ConfigError(`${name} must not hold credentials`);
  if (url.search || url.hash) throw new ConfigError(`${name} must not have a query or fragment`);
  return value;
};
