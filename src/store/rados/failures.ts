import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { StoreReadOnly, StoreUnavailable } from '../errors.js';
import { NoAnswer } from '../run-objects/driver.js';

const { ENOENT, ENOSPC, EDQUOT, EACCES, EPERM, ECANCELED, ETIMEDOUT } = constants.errno;
/** Of Linux: the cluster has shut this client out. */
const ESHUTDOWN = 108;
export const NOT_FOUND = -ENOENT;
/** What an operation compared wasn't equal. */
export const DIFFERENT = -ECANCELED;
/** An attribute isn't there. */
export const NO_DATA = -constants.errno.ENODATA;

/** @param result -errno @param place for people */
export function failureOf(result: number, what: string, place: string): StoreUnavailable {
  const said = `${what}: ${place}`;
  switch (-result) {
    case ENOSPC:
    case EDQUOT:
      return new StoreReadOnly(`${said} is full`);
    case EACCES:
    case EPERM:
      return new StoreUnavailable(`${said} refuses the user's rights`);
    case ENOENT:
      return new StoreUnavailable(`${said} is not there`);
    case ESHUTDOWN:
      return new StoreUnavailable(`${said} has shut this client out (blocklisted): it has to be started again`);
    case ETIMEDOUT:
      return new NoAnswer(`${said} doesn't answer`);
    default:
      return new NoAnswer(`${said} failed (${nameOf(result)})`);
  }
}

export function nameOf(result: number): string {
  try {
    return getSystemErrorName(result);
  } catch {
    return String(result);
  }
}
