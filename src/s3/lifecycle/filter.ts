import type { XmlTree } from '../../base/xml/ports.js';
import { S3Error } from '../error.js';
import { type Tag, validateTag } from '../fields/tagging.js';
import { child, children, malformed, only, requiredText, text } from '../fields/xml.js';
import type { LifecycleFilter } from './rules.js';

const PREDICATES = ['Prefix', 'Tag', 'ObjectSizeGreaterThan', 'ObjectSizeLessThan'];
const SIZE_MAX_BYTES = 1_099_511_627_776_000;

/** At most one predicate; `And` holds two or more. */
export function decodeFilter(element: XmlTree): LifecycleFilter {
  only(element, [...PREDICATES, 'And']);
  if (element.children.length > 1) throw malformed();
  const and = child(element, 'And');
  if (!and) return decodePredicates(element);
  only(and, PREDICATES);
  if (and.children.length < 2) throw malformed();
  return { and: true, ...decodePredicates(and) };
}

function decodePredicates(element: XmlTree): LifecycleFilter {
  const filter: LifecycleFilter = {};
  const prefix = text(element, 'Prefix');
  if (prefix !== undefined) filter.prefix = prefix;
  const tags = children(element, 'Tag').map(decodeTag);
  if (new Set(tags.map(([key]) => key)).size < tags.length) throw refused('Duplicate Tag Keys are not allowed.');
  if (tags.length > 0) filter.tags = tags;
  const above = size(element, 'ObjectSizeGreaterThan', 0);
  const below = size(element, 'ObjectSizeLessThan', 1);
  if (above !== undefined) filter.sizeAbove = above;
  if (below !== undefined) filter.sizeBelow = below;
  if (above !== undefined && below !== undefined && below <= above) {
    throw refused("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.");
  }
  return filter;
}

function decodeTag(element: XmlTree): Tag {
  only(element, ['Key', 'Value']);
  const tag: Tag = [requiredText(element, 'Key'), requiredText(element, 'Value')];
  validateTag(tag, 'System tags cannot be added/updated by requester');
  return tag;
}

function size(element: XmlTree, name: string, min: number): number | undefined {
  const value = text(element, name)?.trim();
  if (value === undefined) return undefined;
  if (!/^[+-]?\d{1,19}$/.test(value)) throw malformed();
  if (Number(value) < min || Number(value) > SIZE_MAX_BYTES) {
    throw refused(`'${name}' should be between ${min} and ${SIZE_MAX_BYTES}.`);
  }
  return Number(value);
}

const refused = (message: string): S3Error => new S3Error('InvalidRequest', { message });
