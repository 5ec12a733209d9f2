import { parseXml, XmlError } from '../../base/xml/parse.js';
import { S3Error } from '../error.js';
import { child, children, malformed, requiredText } from './xml.js';

/**
 * The `tagging` field of a form, an XML document, as `x-amz-tagging` would say it. As on AWS, a document of another kind is no
 * error and names no tags: undefined.
 * @throws S3Error MalformedXML, InvalidTag
 */
export function tagsOfForm(xml: string): string | undefined {
  const tree = parse(xml);
  const set = tree.name === 'Tagging' ? child(tree, 'TagSet') : undefined;
  if (!set) return undefined;
  const seen = new Set<string>();
  const pairs = children(set, 'Tag').map((tag) => {
    const key = requiredText(tag, 'Key');
    if (seen.has(key)) {
      throw new S3Error('InvalidTag', {
        message: 'Cannot provide multiple Tags with the same key',
        extra: { TagKey: key },
      });
    }
    seen.add(key);
    return `${encodeURIComponent(key)}=${encodeURIComponent(requiredText(tag, 'Value'))}`;
  });
  return pairs.length === 0 ? undefined : pairs.join('&');
}

function parse(xml: string) {
  try {
    return parseXml(Buffer.from(xml, 'utf8'));
  } catch (error) {
    if (error instanceof XmlError) throw malformed();
    throw error;
  }
}
