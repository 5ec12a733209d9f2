/** A value that is there at once where nothing has to be waited for: most requests then run without a turn of the event loop. */
export type MaybePromise<T> = T | Promise<T>;

/** `use` of the value, now or when it is there. */
export function whenThere<T, U>(value: MaybePromise<T>, use: (value: T) => U): MaybePromise<Awaited<U>> {
  return (value instanceof Promise ? value.then(use) : use(value)) as MaybePromise<Awaited<U>>;
}
