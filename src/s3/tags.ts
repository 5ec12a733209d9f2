import type { XmlNode, XmlTree } from '../base/xml/ports.js';
import type { ConfigKind } from '../store/bucket-configs.js';
import { S3Error } from './error.js';
import { type Tag, validateTag } from './fields/tagging.js';
import { child, children, malformed, only, requiredText } from './fields/xml.js';

export const BUCKET_TAGS: ConfigKind<Tag[]> = { name: 'tagging' };

/** How many tags a bucket or an object takes, and what AWS says of more and of its own prefix. */
interface TagRules {
  max: number;
  tooMany: string;
  systemTag: string;
}

export const OBJECT_TAG_RULES: TagRules = {
  max: 10,
  tooMany: 'Object tags cannot be greater than 10',
  systemTag: 'Your TagKey cannot be prefixed with aws:',
};

export const BUCKET_TAG_RULES: TagRules = {
  max: 50,
  tooMany: 'Bucket tag count cannot be greater than 50',
  systemTag: 'System tags cannot be added/updated by requester',
};

/** The body of PutBucketTagging and PutObjectTagging. Without a TagSet there are no tags. */
export function decodeTagging(rules: TagRules): (tree: XmlTree | undefined) => Tag[] {
  return (tree) => {
    if (!tree) throw malformed();
    only(tree, ['TagSet']);
    const set = child(tree, 'TagSet');
    return set ? decodeTags(set, rules) : [];
  };
}

/** The `Tag` elements of a set, one after the other, and then their number, as AWS checks them. */
export function decodeTags(set: XmlTree, rules: TagRules): Tag[] {
  only(set, ['Tag']);
  const seen = new Set<string>();
  const tags = children(set, 'Tag').map((element): Tag => {
    only(element, ['Key', 'Value']);
    const tag: Tag = [requiredText(element, 'Key'), requiredText(element, 'Value')];
    validateTag(tag, rules.systemTag);
    if (seen.has(tag[0])) {
      throw new S3Error('InvalidTag', {
        message: 'Cannot provide multiple Tags with the same key',
        extra: { TagKey: tag[0] },
      });
    }
    seen.add(tag[0]);
    return tag;
  });
  if (tags.length > rules.max) throw new S3Error('BadRequest', { message: rules.tooMany });
  return tags;
}

export function taggingXml(tags: readonly Tag[]): readonly [string, readonly XmlNode[]] {
  const nodes = tags.map(([key, value]): XmlNode => {
    return [
      'Tag',
      [
        ['Key', key],
        ['Value', value],
      ],
    ];
  });
  return ['Tagging', [['TagSet', nodes]]];
}
