import { createInterface } from 'node:readline/promises';
import { Secret } from '../base/secret.js';

const ENTER = new Set([0x0a, 0x0d]);
const BACKSPACE = new Set([0x08, 0x7f]);
const CTRL_C = 0x03;
const CTRL_D = 0x04;

/** Only `yes` is yes. Undefined where standard input is no terminal. */
export async function confirm(question: string): Promise<boolean | undefined> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) return undefined;
  const terminal = createInterface({ input: stdin, output: stderr });
  // Ctrl-D and Ctrl-C end it without an answer.
  const ended = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  try {
    const answer = await Promise.race([terminal.question(question), ended]);
    return answer.trim().toLowerCase() === 'yes';
  } finally {
    terminal.close();
  }
}

/** Asks on the terminal, without echo. Undefined where standard input is none, or the question was broken off. */
export async function ask(question: string): Promise<Secret | undefined> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) return undefined;
  stderr.write(question);
  stdin.setRawMode(true);
  stdin.resume();
  try {
    return await typed(stdin);
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}

function typed(stdin: NodeJS.ReadStream): Promise<Secret | undefined> {
  return new Promise((resolve) => {
    const bytes: number[] = [];
    const end = (answer: Secret | undefined): void => {
      stdin.off('data', onData);
      bytes.fill(0);
      resolve(answer);
    };
    const onData = (chunk: Buffer): void => {
      for (const byte of chunk) {
        const broken = byte === CTRL_C || byte === CTRL_D;
        if (broken || ENTER.has(byte)) {
          end(broken ? undefined : new Secret(Buffer.from(bytes)));
          return;
        }
        if (BACKSPACE.has(byte)) removeCharacter(bytes);
        else bytes.push(byte);
      }
    };
    stdin.on('data', onData);
  });
}

/** The last character of UTF-8: its first byte and what follows. */
function removeCharacter(bytes: number[]): void {
  while ((bytes.pop() ?? 0) >> 6 === 0b10);
}
