import { createRequire } from 'node:module';
import { ConfigError } from '../../base/config-error.js';

/** What is used of `koffi`, written down here: it is optional, and Coffer compiles without it. */
interface Koffi {
  config(settings: { max_async_calls: number; resident_async_pools: number }): void;
  load(path: string): { func(prototype: string): Native };
  proto(prototype: string): unknown;
  pointer(type: unknown): unknown;
  register(callback: (...args: never[]) => unknown, type: unknown): unknown;
}

/** A pointer to something of librados. */
export type Pointer = object | bigint;

// biome-ignore lint/suspicious/noExplicitAny: C has no types that would fit here; each use names the C prototype.
type Native = ((...args: any[]) => any) & { async(...args: any[]): void };

/** librados' C API, https://docs.ceph.com/en/latest/rados/api/librados/ : results below 0 are -errno. */
const PROTOTYPES = {
  create: 'int rados_create(_Out_ void **cluster, const char *id)',
  confReadFile: 'int rados_conf_read_file(void *cluster, const char *path)',
  confSet: 'int rados_conf_set(void *cluster, const char *option, const char *value)',
  connect: 'int rados_connect(void *cluster)',
  shutdown: 'void rados_shutdown(void *cluster)',
  ioctxCreate: 'int rados_ioctx_create(void *cluster, const char *pool, _Out_ void **io)',
  ioctxDestroy: 'void rados_ioctx_destroy(void *io)',
  setNamespace: 'void rados_ioctx_set_namespace(void *io, const char *nspace)',
  createCompletion:
    'int rados_aio_create_completion2(uintptr_t arg, rados_callback_t *complete, _Out_ void **completion)',
  returnValue: 'int rados_aio_get_return_value(void *completion)',
  release: 'void rados_aio_release(void *completion)',
  aioRead: 'int rados_aio_read(void *io, const char *oid, void *completion, void *buf, size_t len, uint64_t off)',
  aioGetxattr:
    'int rados_aio_getxattr(void *io, const char *oid, void *completion, const char *name, void *buf, size_t len)',
  createWriteOp: 'void *rados_create_write_op()',
  releaseWriteOp: 'void rados_release_write_op(void *op)',
  opCreate: 'void rados_write_op_create(void *op, int exclusive, const char *category)',
  opCmpxattr:
    'void rados_write_op_cmpxattr(void *op, const char *name, uint8_t operator, const void *value, size_t len)',
  opSetxattr: 'void rados_write_op_setxattr(void *op, const char *name, const void *value, size_t len)',
  opWriteFull: 'void rados_write_op_write_full(void *op, const void *buffer, size_t len)',
  opAppend: 'void rados_write_op_append(void *op, const void *buffer, size_t len)',
  opRemove: 'void rados_write_op_remove(void *op)',
  aioOperate:
    'int rados_aio_write_op_operate(void *op, void *io, void *completion, const char *oid, void *mtime, int flags)',
  listOpen: 'int rados_nobjects_list_open(void *io, _Out_ void **ctx)',
  listNext:
    'int rados_nobjects_list_next(void *ctx, _Out_ const char **entry, _Out_ const char **key, _Out_ const char **nspace)',
  listClose: 'void rados_nobjects_list_close(void *ctx)',
} as const;

export type Librados = Record<keyof typeof PROTOTYPES, Native> & {
  /** What `createCompletion` takes: `done` gets the completion and the number that it was created with. Holds until the process ends. */
  callback(done: (completion: Pointer, arg: number | bigint) => void): unknown;
};

/** Used once a process. @throws ConfigError */
export function loadLibrados(): Librados {
  const koffi = loadKoffi();
  const library = loadLibrary(koffi);
  const callbackType = koffi.proto('void rados_callback_t(void *completion, uintptr_t arg)');
  const functions = Object.fromEntries(
    Object.entries(PROTOTYPES).map(([name, prototype]) => [name, library.func(prototype)]),
  ) as Record<keyof typeof PROTOTYPES, Native>;
  return { ...functions, callback: (done) => koffi.register(done, koffi.pointer(callbackType)) };
}

function loadKoffi(): Koffi {
  let koffi: Koffi;
  try {
    koffi = createRequire(import.meta.url)('koffi') as Koffi;
  } catch (cause) {
    throw new ConfigError('Blobs in Ceph need the optional dependency koffi, which is not installed.', { cause });
  }
  try {
    // Calls that wait are few: connecting, listing, the end.
    koffi.config({ max_async_calls: 64, resident_async_pools: 4 });
  } catch {
    // Only before anything is loaded; somebody in this process has loaded something.
  }
  return koffi;
}

function loadLibrary(koffi: Koffi): ReturnType<Koffi['load']> {
  try {
    return koffi.load('librados.so.2');
  } catch (cause) {
    throw new ConfigError('Blobs in Ceph need librados.so.2 (Debian: librados2), which is not installed.', { cause });
  }
}

/** A call that waits, in a thread of koffi's. @returns its result */
export function inThread(call: Native, ...args: unknown[]): Promise<number> {
  return new Promise((resolve, reject) => {
    call.async(...args, (error: Error | null, result: number) => (error ? reject(error) : resolve(result)));
  });
}
