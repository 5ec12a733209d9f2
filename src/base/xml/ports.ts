/** A parsed element. Namespaces are dropped from names. */
export interface XmlTree {
  name: string;
  attributes: Readonly<Record<string, string>>;
  children: readonly XmlTree[];
  /** All text directly inside, unescaped. */
  text: string;
}

/** An element to write; a null value leaves it out. */
export type XmlNode = readonly [
  name: string,
  value: string | number | boolean | null | undefined | readonly XmlNode[],
  attributes?: Readonly<Record<string, string>>,
];
