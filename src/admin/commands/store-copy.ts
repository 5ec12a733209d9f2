import { type CopyMessage, copyStore } from '../../store/copy/copy.js';
import { enginesCommand } from '../command.js';
import { finding, line, type Message } from '../message.js';

export const storeCopy = enginesCommand({
  noun: 'store',
  verb: 'copy',
  where: 'engines',
  summary: 'copies the store in a data directory to where COFFER_META and COFFER_BLOBS say, and compares the two',
  arguments: {
    from: { kind: 'path', placeholder: 'PATH', required: true, summary: 'the data directory; no server may run on it' },
  },
  async *run({ from }, { openEmbedded, openShared }): AsyncGenerator<Message> {
    const source = await openEmbedded(from);
    try {
      const target = await openShared(source.storeId);
      try {
        const steps = copyStore(source, target);
        let faults = 0;
        for (;;) {
          const { value, done } = await steps.next();
          if (done) {
            const { rows, runs } = value;
            yield line(`copied  ${rows} rows, ${runs} runs of bodies, ${faults} faults`, { rows, runs, faults });
            return;
          }
          if ('fault' in value) faults++;
          yield messageOf(value);
        }
      } finally {
        await target.close();
      }
    } finally {
      await source.close();
    }
  },
});

const messageOf = (step: CopyMessage): Message =>
  'fault' in step ? finding(step.fault) : { type: 'progress', task: step.step, done: step.done, total: step.total };
