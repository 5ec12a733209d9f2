import type { BlobLayout } from '../../store/ports.js';
import { dataCommand } from '../command.js';
import { line } from '../message.js';

export const storeStatus = dataCommand({
  noun: 'store',
  verb: 'status',
  where: 'both',
  summary: 'says which store this is, under which root key, and who has it open',
  arguments: {},
  async *run(_, { data, caller }) {
    const { storeId, rootKeyId, kms } = data;
    const layout = data.services.blobs.layout?.();
    const status = {
      storeId,
      rootKeyId,
      region: data.services.region,
      keyService: kms ? 'built-in' : 'remote',
      openIn: caller ? 'server' : 'command',
      ...(layout && { largeBodies: { ...layout } }),
      ...(caller && { askedAs: caller.arn }),
    };
    yield line(`store        ${storeId}`, status);
    yield line(`root key id  ${rootKeyId}`);
    yield line(`key service  ${status.keyService}`);
    if (layout) yield line(`large bodies ${describe(layout)}`);
    yield line(`open in      ${caller ? `a server, asked as ${caller.arn}` : 'this command'}`);
  },
});

const GIB = 1024 ** 3;

function describe({ large, segments, liveBytes, deadBytes }: BlobLayout): string {
  const gib = (bytes: number): string => `${(bytes / GIB).toFixed(2)} GiB`;
  const held = `${segments} segments, ${gib(liveBytes)} in use, ${gib(deadBytes)} to be given back`;
  return large === 'leveldb' ? `go to LevelDB; ${held}` : `in ${held}`;
}
