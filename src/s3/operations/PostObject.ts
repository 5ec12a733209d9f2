import { type FormReply, formReply } from '../fields/form.js';
import { operation, type Reply } from '../operation.js';
import { putObject } from './PutObject.js';

/**
 * A browser form that holds a file. What it asks for in fields is what PutObject is asked for in headers, and is done by it.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
 */
export const postObject = operation({
  name: 'PostObject',
  route: { method: 'POST', on: 'bucket' },
  input: { ...putObject.input, form: formReply },
  body: { kind: 'stream' },
  facts: putObject.facts,
  needs: (input, facts) => putObject.needs(input, facts),
  errors: [
    ...putObject.errors,
    'EntityTooSmall',
    'InvalidPolicyDocument',
    'MalformedPOSTRequest',
    'MalformedXML',
    'MaxPostPreDataLengthExceeded',
  ],
  handle: (input, context) => putObject.handle(input, context),
  reply(result, input) {
    const { headers = {} } = putObject.reply(result, input);
    return formAnswer(input.form, input.bucket, input.key, headers);
  },
});

/** 204 where nothing else is asked for, or something that S3 doesn't know. */
function formAnswer(form: FormReply, bucket: string, key: string, headers: NonNullable<Reply['headers']>): Reply {
  const etag = headers.etag!;
  const redirect = form.redirect && redirectTo(form.redirect, { bucket, key, etag });
  if (redirect) return { status: 303, headers: { ...headers, location: redirect } };
  const located = { ...headers, location: form.location };
  if (form.status === '200') return { status: 200, headers: located };
  if (form.status !== '201') return { status: 204, headers: located };
  const children = [
    ['Location', form.location],
    ['Bucket', bucket],
    ['Key', key],
    ['ETag', etag],
  ] as const;
  return { status: 201, headers: located, xml: ['PostResponse', children], noNamespace: true };
}

/** Undefined where it is no URL: then S3 answers as if none had been asked for. */
function redirectTo(text: string, query: Record<string, string>): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  const added = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  url.search = [url.search.slice(1), ...added].filter(Boolean).join('&');
  return url.href;
}
