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
    const status = {
      storeId,
      rootKeyId,
      region: data.services.region,
      keyService: kms ? 'built-in' : 'remote',
      openIn: caller ? 'server' : 'command',
      ...(caller && { askedAs: caller.arn }),
    };
    yield line(`store        ${storeId}`, status);
    yield line(`root key id  ${rootKeyId}`);
    yield line(`key service  ${status.keyService}`);
    yield line(`open in      ${caller ? `a server, asked as ${caller.arn}` : 'this command'}`);
  },
});
