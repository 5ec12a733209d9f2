import { dataCommand } from '../command.js';
import { finding, line, type Message } from '../message.js';

export const storeVerify = dataCommand({
  noun: 'store',
  verb: 'verify',
  where: 'both',
  summary: 'reads all bodies that lie in segment files and checks that no byte was changed',
  arguments: {},
  async *run(_, { data }): AsyncGenerator<Message> {
    let runs = 0;
    let damaged = 0;
    for await (const found of data.services.blobs.verify?.() ?? []) {
      runs++;
      if (found === undefined) continue;
      damaged++;
      yield finding(found);
    }
    yield line(`verified  ${runs} runs, ${damaged} damaged`, { runs, damaged });
  },
});
