/** What is used here of node's parser of HTTP, `socket.parser`. */
export interface Parser {
  /** Node's places for what it is told; `ON_BODY` is told of each piece of a body. */
  [place: number]: unknown;
}

interface ProbedParser extends Parser {
  initialize(type: number, resource: object): void;
  execute(bytes: Buffer): unknown;
  close(): void;
}

const ON_BODY = 3;
const HEAD = Buffer.from('PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\n');
const PIECE = Buffer.from('xxx');

let optional: boolean | undefined;

/**
 * Lets the parser count a piece of a body without making a copy of it for anybody: `run` hands it over. The parser asks for its
 * callbacks at each piece up to Node.js 24; from 26 on it remembers them. @returns `false`, and nothing has run, where it can't be
 */
export function withoutBodyCallback(parser: Parser | undefined, run: () => void): boolean {
  const onBody = parser?.[ON_BODY];
  if (!parser || typeof onBody !== 'function' || onBody.name !== 'parserOnBody') return false;
  optional ??= isOptional(parser);
  if (!optional) return false;
  parser[ON_BODY] = undefined;
  try {
    run();
  } finally {
    parser[ON_BODY] = onBody;
  }
  return true;
}

/** Whether a parser of this version does without its callback for one piece, and has it again for the next. */
function isOptional(own: Parser): boolean {
  try {
    const Class = own.constructor as unknown as { new (): ProbedParser; REQUEST: number };
    const parser = new Class();
    parser.initialize(Class.REQUEST, {});
    let told = 0;
    const onBody = (): void => {
      told++;
    };
    parser[ON_BODY] = onBody;
    parser.execute(HEAD);
    parser.execute(PIECE);
    parser[ON_BODY] = undefined;
    parser.execute(PIECE);
    const before = told;
    parser[ON_BODY] = onBody;
    parser.execute(PIECE);
    parser.close();
    return before === 1 && told === 2;
  } catch {
    return false;
  }
}
