import { hsmAction } from '../action.js';
import { RESOURCE_ID } from '../ids.js';
import { pageOf, readPage } from '../paging.js';
import { requireResource } from '../resource.js';
import { tagList } from '../tags.js';

/** https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_ListTags.html */
export const listTags = hsmAction({
  name: 'ListTags',
  input: (fields) => ({
    resourceId: fields.requiredText('ResourceId', { pattern: RESOURCE_ID }),
    page: readPage(fields, 100),
  }),
  async run({ resourceId, page }, call) {
    await requireResource(call, resourceId);
    const tags = await call.parts.book.tagsOf(call.accountId, resourceId);
    const { shown, ...next } = pageOf(tags, page, ([key]) => key);
    return { TagList: tagList(shown), ...next };
  },
});
