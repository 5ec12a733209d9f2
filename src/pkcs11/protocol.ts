/** Calls by name, as the process of a library answers them: one request, one answer. Buffers travel as they are. */
// biome-ignore lint/suspicious/noExplicitAny: each call has its own
export type Calls<T> = { [C in keyof T]: (request: any) => unknown };
export type CallOf<T> = keyof T & string;
export type RequestIn<T extends Calls<T>, C extends keyof T> = Parameters<T[C]>[0];
export type AnswerFrom<T extends Calls<T>, C extends keyof T> = ReturnType<T[C]>;

export interface Asked {
  id: number;
  call: string;
  request: unknown;
}

/** `code`: CKR_… of the library, or one of the answering side's own. */
export type Answered = { id: number; answer: unknown } | { id: number; code: string; message: string };
