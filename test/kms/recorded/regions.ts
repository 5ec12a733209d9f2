import { expect } from 'vitest';
import { makeKms, OTHER_REGION } from '../harness.js';
import type { Scenarios } from './recording.js';

export const regionScenarios: Scenarios = {
  async test_create_multi_region_key(recording) {
    const made = await makeKms().createKey({ Description: 'test multi region key', MultiRegion: true });
    recording.matchValue('create_multi_region_key', made);
    expect(made.KeyId).toMatch(/^mrk-[0-9a-f]{32}$/);
  },

  async test_replicate_key(recording) {
    const { ask, askElsewhere, createKey } = makeKms();
    const { KeyId } = await createKey({ Description: 'test replicated key', MultiRegion: true });
    recording.match('describe-key-from-different-region', await askElsewhere('DescribeKey', { KeyId }));
    const replicated = await ask('ReplicateKey', { KeyId, ReplicaRegion: OTHER_REGION });
    replicated.json.ReplicaPolicy = JSON.parse(replicated.json.ReplicaPolicy);
    recording.match('replicate-key', replicated);
    recording.match('describe-key-from-region', await ask('DescribeKey', { KeyId }));
    recording.match('describe-replicated-key', await askElsewhere('DescribeKey', { KeyId }));
  },

  async test_replicate_replica_key_should_fail(recording) {
    const { ask, askElsewhere, createKey } = makeKms();
    const { KeyId, Arn } = await createKey({ MultiRegion: true });
    await ask('ReplicateKey', { KeyId, ReplicaRegion: OTHER_REGION });
    const refused = await askElsewhere('ReplicateKey', { KeyId, ReplicaRegion: 'us-east-1' });
    const names = { '<mrk-key-arn>': Arn.replace('us-east-1', OTHER_REGION) };
    recording.match('fail-replicate-non-primary-key', refused, names);
  },
};
