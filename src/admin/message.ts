/** What JSON can say. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** What a command tells while it runs. `text` is for people; `data` says the same to programs (`--json`). */
export type Message =
  | { type: 'line'; text: string; data?: Json }
  /** For programs alone: too much of it for people. */
  | { type: 'detail'; data: Json }
  /** What a check was run for and had better not found: the command ends with status 1. */
  | { type: 'finding'; text: string; data?: Json }
  /** `total` in the unit of `done`; sent as often as it is cheap, at the latest with `done` = `total`. */
  | { type: 'progress'; task: string; done: number; total: number };

/** The last line of every stream. Without one it was cut off. */
export type Ending = { type: 'end'; findings: number } | { type: 'error'; code: string; message: string };

export const line = (text: string, data?: Json): Message =>
  data === undefined ? { type: 'line', text } : { type: 'line', text, data };

export const finding = (text: string, data?: Json): Message =>
  data === undefined ? { type: 'finding', text } : { type: 'finding', text, data };

/** The messages, and how it ended; an error becomes the ending that `explain` makes of it. */
export async function* withEnding(
  messages: AsyncIterable<Message>,
  explain: (error: unknown) => { code: string; message: string },
): AsyncGenerator<Message | Ending> {
  let findings = 0;
  try {
    for await (const message of messages) {
      if (message.type === 'finding') findings++;
      yield message;
    }
  } catch (error) {
    const { code, message } = explain(error);
    yield { type: 'error', code, message };
    return;
  }
  yield { type: 'end', findings };
}
