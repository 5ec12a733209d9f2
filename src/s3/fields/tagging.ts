import { textOfBytes } from '../../base/byte-text.js';
import { compareUtf8 } from '../../base/order.js';
import { S3Error } from '../error.js';
import type { Field } from '../operation.js';

export type Tag = [key: string, value: string];

const TAG_TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** `x-amz-tagging`: tags as URL query parameters. */
export const tagging: Field<Tag[] | undefined> = {
  read: ({ headers }) => {
    const sent = headers['x-amz-tagging'];
    if (sent === undefined) return undefined;
    const text = textOfBytes(sent);
    const tags: Tag[] = [];
    for (const pair of text.split('&')) {
      if (pair === '') continue;
      const equals = pair.indexOf('=');
      const key = decode(equals < 0 ? pair : pair.slice(0, equals));
      const value = equals < 0 ? '' : decode(pair.slice(equals + 1));
      const split = equals >= 0 && pair.includes('=', equals + 1);
      if (split || key === undefined || value === undefined || key === '' || tags.some(([other]) => other === key)) {
        throw new S3Error('InvalidArgument', {
          message:
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
          extra: { ArgumentName: 'x-amz-tagging', ArgumentValue: text },
        });
      }
      tags.push([key, value]);
    }
    if (tags.length > 10) {
      throw new S3Error('BadRequest', { message: 'Object tags cannot be greater than 10' });
    }
    for (const tag of tags) validateTag(tag, 'Your TagKey cannot be prefixed with aws:');
    // S3 keeps them by key, whatever their order was.
    return tags.sort(([a], [b]) => compareUtf8(a, b));
  },
};

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html */
export function validateTag([key, value]: Tag, systemTagMessage: string): void {
  if (key.length === 0 || key.length > 128 || !TAG_TEXT.test(key)) {
    throw new S3Error('InvalidTag', { message: 'The TagKey you have provided is invalid', extra: { TagKey: key } });
  }
  if (value.length > 256 || !TAG_TEXT.test(value)) {
    throw new S3Error('InvalidTag', {
      message: 'The TagValue you have provided is invalid',
      extra: { TagKey: key, TagValue: value },
    });
  }
  if (/^aws:/i.test(key)) {
    throw new S3Error('InvalidTag', {
      message: systemTagMessage,
      extra: { TagKey: key },
    });
  }
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
