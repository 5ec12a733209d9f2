import type { XmlNode } from './ports.js';

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';

/** A whole document with a root of this name. */
export function xmlDocument(root: string, children: readonly XmlNode[] | string, xmlns?: string): string {
  const open = xmlns === undefined ? `<${root}>` : `<${root} xmlns="${xmlns}">`;
  const inner = typeof children === 'string' ? escapeXml(children) : children.map(writeNode).join('');
  return `${DECLARATION}${open}${inner}</${root}>`;
}

function writeNode([name, value]: XmlNode): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return `<${name}>${escapeXml(value)}</${name}>`;
  if (typeof value === 'object') {
    let inner = '';
    for (const child of value) inner += writeNode(child);
    return `<${name}>${inner}</${name}>`;
  }
  return `<${name}>${value}</${name}>`;
}

/** Characters that can't stand as themselves; those that XML 1.0 has no way to write go out as references, as S3 sends them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these have to be found
const SPECIAL = /[&<>"\u0000-\u001f\ufffe\uffff]/g;

export function escapeXml(text: string): string {
  return text.replace(SPECIAL, escapeOne);
}

function escapeOne(character: string): string {
  switch (character) {
    case '&':
      return '&amp;';
    case '<':
      return '&lt;';
    case '>':
      return '&gt;';
    case '"':
      return '&quot;';
    case '\t':
    case '\n':
      return character;
    default:
      return `&#x${character.codePointAt(0)!.toString(16)};`;
  }
}
