import { SaxesParser } from 'saxes';
import type { XmlTree } from './ports.js';

/** Not well-formed, not UTF-8, with a DTD, or beyond the bounds. */
export class XmlError extends Error {
  override name = 'XmlError';
}

const DEPTH_MAX = 16;
const ELEMENTS_MAX = 60_000;
/** Of one element. S3's own documents have two at most. */
const ATTRIBUTES_MAX = 32;
const ENCODINGS: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii']);

interface Building {
  name: string;
  attributes: Record<string, string>;
  children: Building[];
  text: string;
}

/** A whole document. No DTD, so no entities but the five; bounded in depth, elements and attributes. @throws XmlError */
export function parseXml(bytes: Buffer): XmlTree {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new XmlError('not UTF-8');
  }
  const parser = new SaxesParser();
  const open: Building[] = [];
  let root: Building | undefined;
  let elements = 0;
  parser.on('error', (error) => {
    throw new XmlError(error.message);
  });
  // The bytes are read as UTF-8: under a declaration of something else they would become other names than the client meant.
  parser.on('xmldecl', ({ encoding }) => {
    if (encoding !== undefined && !ENCODINGS.has(encoding.toLowerCase())) throw new XmlError('not declared as UTF-8');
  });
  parser.on('doctype', () => {
    throw new XmlError('a document type is not allowed');
  });
  let attributes = 0;
  parser.on('attribute', () => {
    if (++attributes > ATTRIBUTES_MAX) throw new XmlError('too many attributes');
  });
  parser.on('opentag', (tag) => {
    attributes = 0;
    if (open.length >= DEPTH_MAX || ++elements > ELEMENTS_MAX) throw new XmlError('too deep or too many elements');
    const element: Building = { name: local(tag.name), attributes: { ...tag.attributes }, children: [], text: '' };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  });
  parser.on('closetag', () => void open.pop());
  const append = (more: string): void => {
    const element = open.at(-1);
    if (element) element.text += more;
  };
  parser.on('text', append);
  parser.on('cdata', append);
  parser.write(text).close();
  if (!root) throw new XmlError('no element');
  return root;
}

const local = (name: string): string => name.slice(name.indexOf(':') + 1);
