import { KmsError } from '../../encryption/ports.js';
import type { Answer } from '../action.js';
import { keyAction } from '../action.js';
import { Call } from '../call.js';
import { tagFacts } from '../conditions.js';
import { defaultPolicy } from '../default-policies.js';
import { KEY_REGION } from '../fields.js';
import type { KeyRecord } from '../key-record.js';
import { metadata } from '../metadata.js';
import { replicaOf, withReplica } from '../multi-region.js';
import { checkPolicy, POLICY_LIMITS, requireNoLockout } from '../policy-text.js';
import { requireServed } from '../regions.js';
import { requireMultiRegionPrimary as requirePrimary } from '../rotation.js';
import { readTags } from '../tags.js';

export const replicateKey = keyAction({
  name: 'ReplicateKey',
  more: ['kms:CreateKey', 'kms:TagResource'],
  input: (input) => ({
    region: input.requiredText('ReplicaRegion', KEY_REGION),
    policy: input.text('Policy', POLICY_LIMITS),
    bypass: input.boolean('BypassPolicyLockoutSafetyCheck') ?? false,
    description: input.text('Description', { max: 8192 }) ?? '',
    tags: readTags(input.list('Tags') ?? []),
  }),
  needs: ({ region, bypass, tags }) => ({
    keys: {
      'kms:replicaregion': region,
      'kms:bypasspolicylockoutsafetycheck': String(bypass),
      ...tagFacts(tags),
    },
  }),
  states: 'usable',
  check: (record, arn) => requirePrimary(record, arn),
  async handle({ region, policy, bypass, description, tags }, record, call): Promise<Answer> {
    const { keys, who } = call;
    const there = requireServed(keys, region);
    const making = new Call('CreateKey', who, there);
    const { accountId, keyId } = record;
    const arn = there.arn(record);
    const facts = {
      keys: {
        'kms:keyspec': record.spec,
        'kms:keyusage': record.usage,
        'kms:keyorigin': record.origin,
        'kms:multiregion': 'true',
        'kms:multiregionkeytype': 'REPLICA',
        'kms:bypasspolicylockoutsafetycheck': String(bypass),
        ...tagFacts(tags),
      },
    };
    making.authorizeOn('*', facts);
    if (tags.length > 0) making.authorizeOn('*', facts, 'kms:TagResource');
    if (policy !== undefined) {
      const parsed = checkPolicy(policy, there);
      if (!bypass) requireNoLockout(parsed, making, { accountId, keyId });
    }
    const text = policy ?? defaultPolicy(accountId, there.region);
    call.note({ details: { ReplicaRegion: region } });
    const { place } = there.ring;
    let replica: KeyRecord | undefined;
    try {
      await keys.ring.update(
        record,
        call.committing,
        (found) => {
          call.requireStill(found, 'usable');
          requirePrimary(found, keys.arn(found));
          if (place === keys.ring.place || found.multiRegion!.replicas.includes(place)) throw exists(arn);
          replica = {
            ...replicaOf(found, place, there.clock.now()),
            description,
            policy: text,
            tags,
          };
          return { ...found, multiRegion: withReplica(found.multiRegion!, place) };
        },
        async (commit) => {
          // One whose time is over lies there until the job has destroyed it.
          if (await there.ring.read(accountId, keyId)) throw exists(arn);
          there.ring.join(commit, replica!);
        },
      );
    } finally {
      there.ring.forget(record);
    }
    making.note({ keyArn: arn, details: { MultiRegion: true, PrimaryRegion: keys.region } });
    await making.succeeded();
    const { CurrentKeyMaterialId: _, ...shown } = await metadata(replica!, there);
    return {
      // As AWS answers it, whose replicas take a moment to come into being.
      ReplicaKeyMetadata: { ...shown, KeyState: 'Creating', Enabled: false },
      ReplicaPolicy: text,
      ...(tags.length > 0 && { ReplicaTags: tags.map(([TagKey, TagValue]) => ({ TagKey, TagValue })) }),
    };
  },
});

const exists = (arn: string): KmsError => new KmsError('AlreadyExistsException', `Key ${arn} already exists.`);
