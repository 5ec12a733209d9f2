import { access } from 'node:fs/promises';
import { constants } from 'node:os';
import { ConfigError } from '../../base/config-error.js';
import type { OpenBlobEngine } from '../engines.js';
import { StoreUnavailable } from '../errors.js';
import { RunObjectStore } from '../run-objects/blob-store.js';
import { deadlineMsOf } from '../run-objects/driver.js';
import { checkMarker, formatMarker, MARKER_NAME } from '../run-objects/marker.js';
import { Completions } from './completions.js';
import { RadosDriver } from './driver.js';
import { nameOf as errorName, NOT_FOUND } from './failures.js';
import { inThread, type Pointer } from './library.js';
import { nameOf, parseRadosPlace, type RadosPlace } from './place.js';

const CONNECT_SECONDS = 10;
const MARKER_MAX_BYTES = 4096;
const { EACCES, EPERM, ETIMEDOUT } = constants.errno;

/** Blobs in a pool of a Ceph cluster. */
export const openRadosBlobs: OpenBlobEngine = async (url, { graceMs, storeId }) => {
  const place = parseRadosPlace(url);
  await access(place.conf).catch(() => {
    throw new ConfigError(`Ceph's configuration ${place.conf} can't be read.`);
  });
  const completions = Completions.open();
  const pool = await openPool(completions, place, deadlineMsOf(graceMs));
  const driver = new RadosDriver(completions, pool);
  try {
    await claim(driver, place, storeId);
  } catch (error) {
    await driver.close();
    throw error;
  }
  return new RunObjectStore(driver, graceMs);
};

async function openPool({ rados }: Completions, place: RadosPlace, deadlineMs: number) {
  const { pool, conf, id, namespace } = place;
  const cluster = made((out) => rados.create(out, id));
  const seconds = String(Math.max(1, Math.floor(deadlineMs / 1000)));
  try {
    const read = rados.confReadFile(cluster, conf) as number;
    if (read < 0) throw new ConfigError(`Ceph's configuration ${conf} can't be read (${errorName(read)}).`);
    for (const [option, value] of [
      ['rados_osd_op_timeout', seconds],
      ['rados_mon_op_timeout', seconds],
      ['client_mount_timeout', String(CONNECT_SECONDS)],
      // Every process would want the same file.
      ['admin_socket', ''],
      ['log_to_stderr', 'false'],
      ['err_to_stderr', 'false'],
    ]) {
      rados.confSet(cluster, option, value);
    }
    const connected = await inThread(rados.connect, cluster);
    if (connected < 0) throw unconnected(connected, place);
    const out: [Pointer | null] = [null];
    // It may have to ask the monitors for a newer map.
    const found = await inThread(rados.ioctxCreate, cluster, pool, out);
    if (found === NOT_FOUND) throw new ConfigError(`There is no Ceph pool ${pool} (${conf}).`);
    if (found < 0) throw unconnected(found, place);
    if (namespace !== '') rados.setNamespace(out[0], namespace);
    return { cluster, io: out[0]!, place: nameOf(place) };
  } catch (error) {
    await inThread(rados.shutdown, cluster);
    throw error;
  }
}

function unconnected(result: number, { conf, id }: RadosPlace): Error {
  if (result === -EACCES || result === -EPERM || result === NOT_FOUND) {
    return new ConfigError(`Ceph refuses client.${id}, or its keyring isn't found (${conf}, ${errorName(result)}).`);
  }
  const why = result === -ETIMEDOUT ? `no monitor answered within ${CONNECT_SECONDS} s` : errorName(result);
  return new StoreUnavailable(`Ceph can't be reached (${conf}): ${why}.`);
}

/** A pool, or a namespace of it, is one store's: its marker is put before anything else is. */
async function claim(driver: RadosDriver, place: RadosPlace, storeId: string): Promise<void> {
  await driver.create(MARKER_NAME, formatMarker(storeId));
  const marker = await driver.getNamed(MARKER_NAME, 0, MARKER_MAX_BYTES);
  checkMarker(marker ?? Buffer.alloc(0), storeId, nameOf(place));
}

function made(create: (out: [Pointer | null]) => number): Pointer {
  const out: [Pointer | null] = [null];
  const result = create(out);
  if (result < 0 || out[0] === null) throw new StoreUnavailable(`librados doesn't start (${errorName(result)})`);
  return out[0];
}
