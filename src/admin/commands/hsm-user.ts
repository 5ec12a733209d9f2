import { dataCommand } from '../command.js';
import { UsageError } from '../errors.js';
import { officersOf } from '../hsm-officers.js';
import { line } from '../message.js';

/** What AWS's cloudhsm-cli does by `user create` and `user change-password`. */
export const hsmUser = dataCommand({
  noun: 'hsm',
  verb: 'user',
  where: 'both',
  summary: 'creates the crypto user of an active cluster (`kmsuser` for a key store), or changes its password',
  arguments: {
    action: {
      kind: 'text',
      placeholder: 'create|change-password',
      summary: 'what to do',
      positional: true,
      required: true,
    },
    cluster: { kind: 'text', placeholder: 'CLUSTER', summary: 'its id', positional: true, required: true },
    name: { kind: 'text', placeholder: 'NAME', summary: "the user's name", positional: true, required: true },
    account: { kind: 'text', placeholder: 'ID', summary: 'whose cluster it is, where no server runs' },
    officerPassword: { kind: 'secret', placeholder: 'PATH', summary: "the crypto officer's password", required: true },
    userPassword: { kind: 'secret', placeholder: 'PATH', summary: "the crypto user's (new) password", required: true },
  },
  async *run({ action, cluster, name, account, officerPassword, userPassword }, context) {
    const run = { create: 'createUser', 'change-password': 'changeUserPassword' } as const;
    if (!Object.hasOwn(run, action)) throw new UsageError(`hsm user ${action} is nothing: create or change-password`);
    if (!/^[\w.@-]{1,31}$/.test(name)) throw new UsageError('a user name is of 1 to 31 letters, digits and _.@-');
    const user = { name, userPin: userPassword, soPin: officerPassword };
    const members = await officersOf(context, { account, cluster }, (officers, call) =>
      officers[run[action as keyof typeof run]](call, user),
    );
    yield line(`${name} has this password in ${members} members of ${cluster}`, { cluster, name, members });
  },
});
