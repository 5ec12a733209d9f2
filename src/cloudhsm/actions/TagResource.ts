import { hsmAction } from '../action.js';
import { RESOURCE_ID } from '../ids.js';
import { changeTags, requireResource } from '../resource.js';
import { mergeTags, readTags } from '../tags.js';

/** https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_TagResource.html */
export const tagResource = hsmAction({
  name: 'TagResource',
  input: (fields) => ({
    resourceId: fields.requiredText('ResourceId', { pattern: RESOURCE_ID }),
    tags: readTags(fields.requiredList('TagList', 1, 50)),
  }),
  async run({ resourceId, tags }, call) {
    await requireResource(call, resourceId, { tags });
    await changeTags(call, resourceId, (old) => mergeTags(old, tags));
    return {};
  },
});
