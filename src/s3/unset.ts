import type { XmlNode } from '../base/xml/ports.js';
import { S3Error } from './error.js';
import { bucketArn, operation } from './operation.js';

/** Configurations that Coffer keeps none of: asked for, AWS's answer of a bucket that has none. */
interface Unset {
  name: string;
  /** The sub-resource. */
  by: string;
  action: `s3:${string}`;
}

/** All of a kind: an empty document. */
export const readUnset = ({ name, by, action }: Unset, root: string, children: readonly XmlNode[] = []) =>
  operation({
    name,
    route: { method: 'GET', on: 'bucket', query: [by] },
    input: {},
    facts: ['bucket'],
    needs: ({ bucket }) => [{ action, resource: bucketArn(bucket) }],
    errors: [],
    handle: async () => undefined,
    reply: () => ({ xml: [root, children] }),
  });

/** One by its id. */
export const findUnset = ({ name, by, action }: Unset, method: 'GET' | 'DELETE') =>
  operation({
    name,
    route: { method, on: 'bucket', query: method === 'GET' ? [by, 'id'] : [by] },
    input: {},
    facts: ['bucket'],
    needs: ({ bucket }) => [{ action, resource: bucketArn(bucket) }],
    errors: ['NoSuchConfiguration'],
    handle: async () => {
      throw new S3Error('NoSuchConfiguration');
    },
    reply: () => ({}),
  });

/** Put as nothing, which it is; anything else is refused. */
export const putUnset = ({ name, by, action }: Unset, root: string) =>
  operation({
    name,
    route: { method: 'PUT', on: 'bucket', query: [by] },
    input: { isEmpty: { read: ({ xml }) => xml !== undefined && xml.children.length === 0 && xml.text.trim() === '' } },
    body: { kind: 'xml', root, required: true },
    facts: ['bucket'],
    needs: ({ bucket }) => [{ action, resource: bucketArn(bucket) }],
    errors: ['NotImplemented'],
    async handle({ isEmpty }) {
      if (!isEmpty) throw notBuilt(name, by);
    },
    reply: () => ({}),
  });

/** A 501 that says what isn't there. `by`: what asked for it. */
export const notBuilt = (what: string, by: string): S3Error =>
  new S3Error('NotImplemented', {
    message: `A header you provided implies functionality that is not implemented: ${what}`,
    extra: { Header: by, additionalMessage: `${what} is not implemented` },
  });
