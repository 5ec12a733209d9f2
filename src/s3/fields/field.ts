import { S3Error } from '../error.js';
import type { Field } from '../operation.js';

/** A header as it was sent, or undefined. */
export function header(name: string): Field<string | undefined> {
  return { read: ({ headers }) => headers[name] };
}

/** A query parameter, percent-decoded, or undefined. */
export function query(name: string): Field<string | undefined> {
  return { read: (from) => from.query.get(name) };
}

/** `versionId`: an empty one is AWS's InvalidArgument. */
export const versionId: Field<string | undefined> = {
  read: (from) => {
    const value = from.query.get('versionId');
    if (value === '') {
      throw new S3Error('InvalidArgument', {
        message: 'Version id cannot be the empty string',
        extra: { ArgumentName: 'versionId', ArgumentValue: '' },
      });
    }
    return value;
  },
};

/** A whole number in a query parameter, within bounds. */
export function queryInt(
  name: string,
  /** `argument`: what AWS calls it where it is out of bounds, if that is another name. */
  bounds: { min: number; max: number; argument?: string },
): Field<number | undefined> {
  return {
    read: (from) => {
      const text = from.query.get(name);
      if (text === undefined || text === '') return undefined;
      if (!/^[+-]?\d+$/.test(text)) {
        throw new S3Error('InvalidArgument', {
          message: `Provided ${name} not an integer or within integer range`,
          extra: { ArgumentName: name, ArgumentValue: text },
        });
      }
      const value = Number(text);
      if (!Number.isSafeInteger(value) || value > 2_147_483_647 || value < -2_147_483_648) {
        throw new S3Error('InvalidArgument', {
          message: `Provided ${name} not an integer or within integer range`,
          extra: { ArgumentName: name, ArgumentValue: text },
        });
      }
      if (value < bounds.min || value > bounds.max) {
        const argument = bounds.argument ?? name;
        throw new S3Error('InvalidArgument', {
          message: `Argument ${argument} must be an integer between ${bounds.min} and ${bounds.max}`,
          extra: { ArgumentName: argument, ArgumentValue: text },
        });
      }
      return value;
    },
  };
}
