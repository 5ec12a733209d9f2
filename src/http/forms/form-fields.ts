import type { FormField } from '../../auth/form/ports.js';
import { Secret } from '../../base/secret.js';
import { S3Error } from '../../s3/error.js';
import type { FormHead } from './form-reader.js';

const SECRET = 'x-amz-server-side-encryption-customer-key';
/** Signed as they stand: nothing is put into them. */
const VERBATIM: ReadonlySet<string> = new Set(['policy', 'signature', 'x-amz-signature']);
// biome-ignore lint/suspicious/noTemplateCurlyInString: so it stands in forms
const FILENAME = '${filename}';

/**
 * The fields of a form by lower-case name. The file's name stands where `${filename}` stood; where the file has none, the text
 * stays as it is. The customer's key becomes a secret at once; no string is made of it.
 * @throws S3Error InvalidArgument, MalformedPOSTRequest
 */
export function formFields({ fields, filename }: FormHead): Map<string, FormField> {
  // Half a surrogate pair, as UTF-16 can spell it: no key could hold it.
  if (filename !== undefined && /\p{Surrogate}/u.test(filename)) throw new S3Error('MalformedPOSTRequest');
  const found = new Map<string, FormField>();
  for (const { name, bytes } of fields) {
    const lower = name.toLowerCase();
    if (found.has(lower)) {
      throw new S3Error('InvalidArgument', {
        message: 'POST requires that each field has one value.',
        extra: { ArgumentName: name },
      });
    }
    if (lower === SECRET) {
      found.set(lower, { name, value: new Secret(bytes) });
      continue;
    }
    const text = utf8Text(bytes);
    const expanded = filename === undefined || VERBATIM.has(lower) ? text : text.replaceAll(FILENAME, () => filename);
    found.set(lower, { name, value: expanded });
  }
  return found;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Two keys that are no UTF-8 must not become one. */
function utf8Text(bytes: Buffer): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new S3Error('MalformedPOSTRequest', { cause });
  }
}
