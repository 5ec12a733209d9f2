import { dataCommand } from '../command.js';
import { officersOf } from '../hsm-officers.js';
import { line } from '../message.js';

/** What AWS's cloudhsm-cli does by `cluster activate`. */
export const hsmActivate = dataCommand({
  noun: 'hsm',
  verb: 'activate',
  where: 'both',
  summary: "sets the crypto officer's password in the members of an initialized cluster that have none yet",
  arguments: {
    cluster: { kind: 'text', placeholder: 'CLUSTER', summary: 'its id', positional: true, required: true },
    account: { kind: 'text', placeholder: 'ID', summary: 'whose cluster it is, where no server runs' },
    officerPassword: { kind: 'secret', placeholder: 'PATH', summary: "the crypto officer's password", required: true },
  },
  async *run({ cluster, account, officerPassword }, context) {
    const members = await officersOf(context, { account, cluster }, (officers, call) =>
      officers.activate(call, officerPassword),
    );
    yield line(`${cluster} is ACTIVE: ${members} of its members got this crypto officer`, { cluster, members });
  },
});
