import type { Ending, Message } from '../admin/message.js';

interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
}

const BAR_WIDTH = 30;
/** A bar that is drawn more often than anyone can see costs time. */
const REDRAW_MS = 100;

/** Shows a command's messages: lines to `out`, progress and errors to `err`; or the data alone as JSON, one value a line, to `out`. */
export class Printer {
  /** The bar that stands on the terminal's last line, if any. */
  #bar = '';
  #drawnMs = 0;
  /** Of the task that runs: the last step of ten that was told. */
  #task = '';
  #told = 0;

  constructor(
    private readonly out: Output,
    private readonly err: Output,
    private readonly json: boolean,
  ) {}

  show(message: Message | Ending): void {
    if (this.json) {
      this.#data(message);
      return;
    }
    if (message.type === 'progress') {
      this.#progress(message.task, message.done, message.total);
      return;
    }
    this.#clear();
    if (message.type === 'line' || message.type === 'finding') this.out.write(`${printable(message.text)}\n`);
    if (message.type === 'error') this.err.write(`coffer: ${printable(message.message)}\n`);
  }

  #data(message: Message | Ending): void {
    if (message.type === 'error') this.err.write(`coffer: ${printable(message.message)}\n`);
    if (message.type === 'progress' || message.type === 'end' || message.type === 'error') return;
    // A finding must not be missed, whether there is more than text to it or not.
    const data = message.type === 'finding' ? (message.data ?? { finding: message.text }) : message.data;
    if (data !== undefined) this.out.write(`${JSON.stringify(data)}\n`);
  }

  /** Leaves the terminal in order, whatever comes next. */
  end(): void {
    this.#clear();
  }

  #progress(task: string, done: number, total: number): void {
    const share = total === 0 ? 1 : Math.min(1, done / total);
    if (task !== this.#task) {
      this.#clear();
      this.#task = task;
      this.#told = -1;
    }
    const tenth = Math.floor(share * 10);
    if (this.err.isTTY) this.#draw(task, share, done, total);
    else if (tenth > this.#told) this.err.write(`${printable(task)}: ${tenth * 10} % (${done} of ${total})\n`);
    this.#told = tenth;
  }

  #draw(task: string, share: number, done: number, total: number): void {
    const nowMs = performance.now();
    if (share < 1 && nowMs - this.#drawnMs < REDRAW_MS) return;
    this.#drawnMs = nowMs;
    const full = Math.round(share * BAR_WIDTH);
    const bar = '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full);
    this.#bar = `${printable(task)} ${bar} ${Math.floor(share * 100)} % (${done} of ${total})`;
    this.err.write(`\r\x1b[K${this.#bar}`);
  }

  #clear(): void {
    if (this.#bar !== '') this.err.write('\n');
    this.#bar = '';
  }
}

/** Text may come from a server and hold names that clients chose: it must not steer the terminal. */
const printable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  text.replace(/[\x00-\x08\x0a-\x1f\x7f-\x9f]/g, (one) => `\\x${one.charCodeAt(0).toString(16).padStart(2, '0')}`);
