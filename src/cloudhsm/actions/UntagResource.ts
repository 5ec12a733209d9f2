import { hsmAction } from '../action.js';
import { RESOURCE_ID } from '../ids.js';
import { changeTags, requireResource } from '../resource.js';
import { TAG_KEY } from '../tags.js';

/** https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_UntagResource.html */
export const untagResource = hsmAction({
  name: 'UntagResource',
  input: (fields) => ({
    resourceId: fields.requiredText('ResourceId', { pattern: RESOURCE_ID }),
    tagKeys: fields.requiredTexts('TagKeyList', TAG_KEY, 1, 50),
  }),
  async run({ resourceId, tagKeys }, call) {
    await requireResource(call, resourceId, { tagKeys });
    await changeTags(call, resourceId, (old) => old.filter(([key]) => !tagKeys.includes(key)));
    return {};
  },
});
