import { makeKms } from '../harness.js';
import type { Recording, Scenarios } from './recording.js';

const tag = (TagKey: string, TagValue = 'v') => ({ TagKey, TagValue });
/** tag1 = value1 and so on. */
const tags = (...numbers: number[]) => numbers.map((i) => tag(`tag${i}`, `value${i}`));

/** A key and its tags as ListResourceTags tells them. */
async function tagged(Tags: object[]) {
  const { ask, createKey } = makeKms();
  const { KeyId } = await createKey({ Tags });
  const list = async () => (await ask('ListResourceTags', { KeyId })).json.Tags;
  return { KeyId, ask, list };
}

const tooLong = async (recording: Recording, TagKey: string) =>
  recording.match('invalid-tag-key', await makeKms().ask('CreateKey', { Tags: [tag(TagKey)] }));

export const tagScenarios: Scenarios = {
  async test_tag_existing_key_and_untag(recording) {
    const { KeyId, ask, list } = await tagged([]);
    await ask('TagResource', { KeyId, Tags: tags(1, 2) });
    recording.matchValue('list-resource-tags', await list());
    await ask('UntagResource', { KeyId, TagKeys: ['tag1', 'tag2'] });
    recording.matchValue('list-resource-tags-after-all-untagged', await list());
  },

  async test_create_key_with_tag_and_untag(recording) {
    const { KeyId, ask, list } = await tagged(tags(1, 2));
    recording.matchValue('list-resource-tags', await list());
    await ask('UntagResource', { KeyId, TagKeys: ['tag1', 'tag2'] });
    recording.matchValue('list-resource-tags-after-all-untagged', await list());
  },

  async test_untag_key_partially(recording) {
    const { KeyId, ask, list } = await tagged(tags(1, 2, 3));
    recording.matchValue('list-resource-tags', await list());
    await ask('UntagResource', { KeyId, TagKeys: ['tag2'] });
    recording.matchValue('list-resource-tags-after-partially-untagged', await list());
  },

  async test_update_and_add_tags_on_tagged_key(recording) {
    const { KeyId, ask, list } = await tagged(tags(1, 2, 3));
    recording.matchValue('list-resource-tags', await list());
    await ask('TagResource', { KeyId, Tags: [tag('tag2', 'updated_value2'), ...tags(4, 5)] });
    recording.matchValue('list-resource-tags-after-tags-updated', await list());
  },

  async test_tag_key_with_duplicate_tag_keys_raises_error(recording) {
    const { KeyId, ask } = await tagged([]);
    recording.match('duplicate-tag-keys', await ask('TagResource', { KeyId, Tags: [tag('a'), tag('a')] }));
  },

  async test_create_key_with_too_many_tags_raises_error(recording) {
    const Tags = Array.from({ length: 51 }, (_, i) => tag(`key${i}`));
    recording.match('invalid-tag-key', await makeKms().ask('CreateKey', { Tags }));
  },

  async test_tag_existing_key_with_invalid_tag_key(recording) {
    const { KeyId, ask } = await tagged([]);
    recording.match('invalid-tag-key', await ask('TagResource', { KeyId, Tags: [tag('aws:key')] }));
  },

  async test_key_with_long_tag_value_raises_error(recording) {
    const { KeyId, ask } = await tagged([]);
    const Tags = [tag('k', 'v'.repeat(257))];
    recording.match('too-long-tag-value', await ask('TagResource', { KeyId, Tags }));
  },

  test_create_key_with_invalid_tag_key: (recording, kind) =>
    tooLong(
      recording,
      { lowercase_prefix: 'aws:key', uppercase_prefix: 'AWS:key', too_long_key: 'a'.repeat(129) }[kind!]!,
    ),
};
