import { ConfigError } from '../../base/config-error.js';
import { parsePlace } from '../run-objects/place.js';

const FORM = 'rados:<pool>?conf=<file>&id=<user>&namespace=<namespace>';

export interface RadosPlace {
  pool: string;
  /** Ceph's own configuration: monitors, keyring. */
  conf: string;
  /** Of the user `client.<id>`. */
  id: string;
  namespace: string;
}

/** @throws ConfigError */
export function parseRadosPlace(url: string): RadosPlace {
  const { name, params } = parsePlace(url, ['conf', 'id', 'namespace'] as const, FORM);
  const { conf = '/etc/ceph/ceph.conf', id = 'admin', namespace = '' } = params;
  if (!conf.startsWith('/')) throw new ConfigError(`The place of blobs is ${FORM}: "conf" is an absolute path.`);
  return { pool: name, conf, id, namespace };
}

/** For people. */
export const nameOf = ({ pool, namespace }: RadosPlace): string =>
  `the Ceph pool ${pool}${namespace && ` (namespace ${namespace})`}`;
