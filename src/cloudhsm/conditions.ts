import type { ConditionValues } from '../policy/ports.js';
import type { TagPair } from './records.js';

export interface HsmConditionParts {
  nowMs: number;
  region: string;
  resourceAccountId: string;
  resourceTags: readonly TagPair[];
  /** Tags that the request brings, or keys that it takes away. */
  requestTags: readonly TagPair[] | undefined;
  tagKeys: readonly string[] | undefined;
  request: ConditionValues | undefined;
}

const RESOURCE_TAG = 'aws:resourcetag/';
const REQUEST_TAG = 'aws:requesttag/';

/** https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudhsm.html */
export class HsmConditions implements ConditionValues {
  constructor(private readonly parts: HsmConditionParts) {}

  get(key: string): readonly string[] | undefined {
    const { nowMs, region, resourceAccountId, resourceTags, requestTags, tagKeys, request } = this.parts;
    switch (key) {
      case 'aws:requestedregion':
        return [region];
      case 'aws:resourceaccount':
        return [resourceAccountId];
      case 'aws:currenttime':
        return [new Date(nowMs).toISOString()];
      case 'aws:epochtime':
        return [String(Math.floor(nowMs / 1000))];
      case 'aws:tagkeys': {
        const keys = tagKeys ?? requestTags?.map(([name]) => name);
        return keys && keys.length > 0 ? keys : undefined;
      }
    }
    if (key.startsWith(RESOURCE_TAG)) return valuesOf(resourceTags, key.slice(RESOURCE_TAG.length));
    if (key.startsWith(REQUEST_TAG)) return valuesOf(requestTags ?? [], key.slice(REQUEST_TAG.length));
    return request?.get(key);
  }
}

/** Of tags that differ in case alone none hides another. */
function valuesOf(tags: readonly TagPair[], name: string): readonly string[] | undefined {
  const values = tags.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
  return values.length === 0 ? undefined : values;
}
