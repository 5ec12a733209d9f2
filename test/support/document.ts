import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A command of a document's `sh` blocks, with what the document says of it. */
export interface DocumentCommand {
  /** Line of the document, from 1. */
  line: number;
  /** Shell text: continued lines and here-documents belong to it. */
  text: string;
  /** Lines that it prints, `…` standing for anything. */
  prints: string[];
  /** What its output has where it is to fail. */
  fails?: string;
}

const HEREDOC = /<<'(\w+)'/;
const FAILS = /\s+# fails: (.+)$/;
const PRINTS = '# → ';

/** Reads the `sh` blocks of a Markdown text. @throws where one ends in the middle of a command */
export function commandsOf(markdown: string): DocumentCommand[] {
  const commands: DocumentCommand[] = [];
  const lines = markdown.split('\n');
  let inBlock = false;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    if (!inBlock) {
      inBlock = line === '```sh';
      continue;
    }
    if (line === '```') inBlock = false;
    else if (line.startsWith(PRINTS)) commands.at(-1)!.prints.push(line.slice(PRINTS.length));
    else if (line !== '') {
      const { text, last } = wholeCommand(lines, i);
      const fails = FAILS.exec(text)?.[1];
      commands.push({ line: i + 1, text: text.replace(FAILS, ''), prints: [], ...(fails && { fails }) });
      i = last;
    }
  }
  return commands;
}

function wholeCommand(lines: string[], first: number): { text: string; last: number } {
  let last = first;
  const end = HEREDOC.exec(lines[first]!)?.[1];
  const goesOn = (): boolean => {
    const text = lines.slice(first, last + 1).join('\n');
    if (end) return lines[last] !== end;
    return text.endsWith('\\') || (/^\w+\(\) \{/.test(text) && !text.endsWith('}'));
  };
  while (goesOn()) {
    last++;
    if (last >= lines.length || lines[last] === '```') throw new Error(`line ${first + 1}: the command doesn't end`);
  }
  return { text: lines.slice(first, last + 1).join('\n'), last };
}

/**
 * Runs the commands in one bash, in `dir`, and ends what they left running.
 * @returns what was found wrong, one text for each; after a command that failed nothing more is run
 */
export async function runCommands(
  commands: readonly DocumentCommand[],
  dir: string,
  env: Record<string, string>,
): Promise<string[]> {
  const outputs = join(dir, '.outputs');
  await mkdir(outputs);
  await writeFile(join(dir, '.script'), scriptOf(commands, outputs));
  const bash = spawn('bash', [join(dir, '.script')], { cwd: dir, env, stdio: 'ignore', detached: true });
  const status = await new Promise<number | null>((resolve) => bash.once('close', resolve));
  try {
    process.kill(-bash.pid!, 'SIGKILL');
  } catch {
    // Nothing was left.
  }
  const findings: string[] = [];
  let ran = 0;
  for (const command of commands) {
    const output = await readFile(join(outputs, String(command.line)), 'utf8').catch(() => undefined);
    if (output === undefined) break;
    ran++;
    const missing = [...command.prints.filter((one) => !isPrinted(one, output))];
    if (command.fails !== undefined && !output.includes(command.fails)) missing.push(command.fails);
    for (const one of missing) findings.push(`line ${command.line}: ${command.text}\nlacks: ${one}\nprints: ${output}`);
    const isLast = status !== 0 && !(await hasOutput(outputs, commands[ran]));
    if (isLast) findings.push(`line ${command.line}: ${command.text}\nended with ${status}: ${output}`);
  }
  if (ran < commands.length) findings.push(`${ran} of ${commands.length} commands were run`);
  return findings;
}

const hasOutput = async (outputs: string, command: DocumentCommand | undefined): Promise<boolean> =>
  command !== undefined &&
  (await readFile(join(outputs, String(command.line))).then(
    () => true,
    () => false,
  ));

/** Job control, so that `%1` means what it means to a person at the prompt. */
function scriptOf(commands: readonly DocumentCommand[], outputs: string): string {
  const steps = commands.map(({ line, text, fails }) => {
    const group = `{ ${text}\n} >'${join(outputs, String(line))}' 2>&1`;
    return fails === undefined ? group : `if ${group}; then exit 100; fi`;
  });
  return `set -e -o pipefail\n${steps.join('\n')}\nkill %1 %2 2>/dev/null || true\nwait\n`;
}

function isPrinted(expected: string, output: string): boolean {
  const pattern = expected
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${pattern}$`, 'm').test(output);
}
