import type { Readable, Writable } from 'node:stream';
import busboy from 'busboy';

/** A parsed head of a part: lower-case names, every value that came. */
type PartHeaders = Record<string, string[] | undefined>;

export interface PartListener {
  onPart(name: string | undefined, content: Readable, filename: string | undefined): void;
  /** The parser met something that is no form, or the form ended early. */
  onMalformed(cause: Error): void;
  /** The closing boundary came, and every part has been read. */
  onEnd(): void;
}

const WRITE_MARK_BYTES = 512 * 1024;
const PART_MARK_BYTES = 256 * 1024;

/**
 * The parts of a multipart/form-data body by busboy, each as a stream. busboy streams parts that have a filename and collects the
 * others; which part of an S3 form is the file is told by its name alone, and it may be large without a filename too.
 * @throws Error where the Content-Type is no multipart/form-data with a boundary
 */
export function partsOf(contentType: string, listener: PartListener): Writable {
  const parser = busboy({
    headers: { 'content-type': contentType },
    highWaterMark: WRITE_MARK_BYTES,
    fileHwm: PART_MARK_BYTES,
    defParamCharset: 'utf8',
  });
  let announced = false;
  parser.on('file', (name: string | undefined, content, { filename }) => {
    announced = true;
    content.on('error', () => {});
    listener.onPart(name, content, filename);
  });
  parser.on('error', (error) => listener.onMalformed(error as Error));
  parser.on('finish', () => listener.onEnd());
  eachBoundary(parser, () => listener.onMalformed(new Error('a boundary that bounds nothing')));
  eachHead(parser, (head, take) => {
    if (head['content-disposition']?.length !== 1) {
      listener.onMalformed(new Error('a part has no Content-Disposition, or two'));
      return;
    }
    announced = false;
    // What busboy takes for a file whatever its name.
    take({ 'content-disposition': head['content-disposition'], 'content-type': ['application/octet-stream'] });
    // It skips over parts that it can't read: what one asked for (encryption, say) would silently not be done.
    if (!announced) listener.onMalformed(new Error('a part is no form-data'));
  });
  return parser;
}

/** What this file knows of busboy 1.x beyond its API. */
interface Inside {
  /** Searches for boundaries, and calls back with what lies before each. */
  _bparser: { _cb: Found };
  /** Set where a head begins. */
  _hparser: HeadParser | null;
}
type Found = (isMatch: boolean, data: Buffer | undefined, start: number, end: number, isSafe: boolean) => void;
interface HeadParser {
  cb(head: PartHeaders): void;
}

/** busboy has no option for either of the two below; a version that is built otherwise is refused at once. */
function insideOf(parser: Writable): Inside {
  const inside = parser as unknown as Inside;
  if (typeof inside._bparser?._cb !== 'function' || !('_hparser' in parser)) {
    throw new Error('this version of busboy is built otherwise');
  }
  return inside;
}

/** Stands between busboy's parser of heads and what follows it. */
function eachHead(parser: Writable, see: (head: PartHeaders, take: (head: PartHeaders) => void) => void): void {
  const inside = insideOf(parser);
  const seen = new WeakSet<HeadParser>();
  let current = inside._hparser;
  Object.defineProperty(inside, '_hparser', {
    get: () => current,
    set(next: HeadParser | null) {
      if (next && !seen.has(next)) {
        seen.add(next);
        const take = next.cb;
        next.cb = (head) => see(head, take);
      }
      current = next;
    },
  });
}

/**
 * A boundary ends a part's content, and is followed by a line's end or by `--`. Of anything else busboy drops what comes up to the next boundary: a file that
 * holds the boundary would be cut, and a field behind a boundary with padding be lost.
 */
function eachBoundary(parser: Writable, onOther: () => void): void {
  const inside = insideOf(parser);
  const { _bparser } = inside;
  const pass = _bparser._cb;
  let behind: string | undefined;
  _bparser._cb = (isMatch, data, start, end, isSafe) => {
    if (behind !== undefined) {
      behind += data?.toString('latin1', start, Math.min(end, start + 2 - behind.length)) ?? '';
      if (behind.length === 2 || isMatch) {
        if (behind !== '\r\n' && behind !== '--') onOther();
        behind = undefined;
      }
    }
    if (isMatch) behind = '';
    pass(isMatch, data, start, end, isSafe);
    // A head that has no end yet: the boundary would be cut out of it.
    if (isMatch && inside._hparser) onOther();
  };
}
