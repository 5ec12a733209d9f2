import type { XmlTree } from '../../base/xml/ports.js';
import { S3Error } from '../error.js';
import type { Field } from '../operation.js';

/** The parsed body; undefined where none was sent. */
export function xmlBody<T>(decode: (tree: XmlTree | undefined) => T): Field<T> {
  return { read: (from) => decode(from.xml) };
}

export const malformed = (): S3Error => new S3Error('MalformedXML');

/** The one child of a name, or undefined; two are malformed. */
export function child(tree: XmlTree, name: string): XmlTree | undefined {
  const found = tree.children.filter((one) => one.name === name);
  if (found.length > 1) throw malformed();
  return found[0];
}

export function children(tree: XmlTree, name: string): readonly XmlTree[] {
  return tree.children.filter((one) => one.name === name);
}

/** Text of a child element, or undefined where it's absent. An element with children has no text. */
export function text(tree: XmlTree, name: string): string | undefined {
  const found = child(tree, name);
  if (!found) return undefined;
  if (found.children.length > 0) throw malformed();
  return found.text;
}

export function requiredText(tree: XmlTree, name: string): string {
  const value = text(tree, name);
  if (value === undefined) throw malformed();
  return value;
}

export function boolean(tree: XmlTree, name: string): boolean | undefined {
  const value = text(tree, name)?.trim().toLowerCase();
  if (value === undefined) return undefined;
  if (value !== 'true' && value !== 'false') throw malformed();
  return value === 'true';
}

/** Elements other than these are malformed. */
export function only(tree: XmlTree, names: readonly string[]): void {
  for (const one of tree.children) if (!names.includes(one.name)) throw malformed();
}
