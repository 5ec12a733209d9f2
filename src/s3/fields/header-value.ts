import { S3Error } from '../error.js';

/** A header carries latin1 without control characters. @throws InvalidArgument for what a request wants in one besides */
export function refuseUnsendable(argument: string, value: string): void {
  if (/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) return;
  throw new S3Error('InvalidArgument', {
    message: 'Header value cannot be represented using ISO-8859-1.',
    extra: { ArgumentName: argument, ArgumentValue: value },
  });
}
