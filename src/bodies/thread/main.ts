/** A body thread. It knows jobs, slots and files by their number; who asks, and for what, it never learns. */
import { parentPort, workerData } from 'node:worker_threads';
import type { BodyKeys } from '../../encryption/body-keys.js';
import { faultOf } from '../faults.js';
import { takeOver } from '../handover.js';
import type { FromThread, ToThread } from '../messages.js';
import { slotViews } from '../slots.js';
import { OpenJob } from './open-job.js';
import { SealJob } from './seal-job.js';

interface Job {
  run: OpenJob | SealJob;
  dispose(): void;
}

const views = slotViews((workerData as { memory: SharedArrayBuffer }).memory);
const jobs = new Map<number, Job>();
const port = parentPort!;
const post = (message: FromThread): void => port.postMessage(message);

port.on('message', (messages: ToThread[]) => {
  for (const message of messages) take(message);
});

function take(message: ToThread): void {
  const { kind, job } = message;
  try {
    if (kind === 'open' || kind === 'seal') jobs.set(job, begin(message));
    else if (kind === 'end') {
      end(job);
      post({ kind: 'ended', job });
    }
    // What was on its way to a job that failed is nobody's.
    else (jobs.get(job)?.run as { take(message: ToThread): void } | undefined)?.take(message);
  } catch (error) {
    end(job);
    post({ kind: 'failed', job, fault: faultOf(error) });
  }
}

function begin(message: Extract<ToThread, { kind: 'open' | 'seal' }>): Job {
  const taken = takeOver(message.keys, message.hasOuterKey);
  const ids = { bucketId: Buffer.from(message.bucketId), objectId: Buffer.from(message.objectId) };
  const keys: BodyKeys = { ids, dataKey: taken.dataKey, outerKey: taken.outerKey };
  const dispose = (): void => {
    for (const key of [taken.dataKey, taken.outerKey, taken.signingKey]) key?.dispose();
  };
  const run =
    message.kind === 'open'
      ? new OpenJob(message.job, keys, message.length, views, post)
      : new SealJob(message, keys, taken, views, post);
  return { run, dispose };
}

function end(job: number): void {
  const ended = jobs.get(job);
  jobs.delete(job);
  ended?.run.end();
  ended?.dispose();
}
