/** A map that forgets its oldest entry when it is full. */
export class BoundedMap<V> {
  readonly #entries = new Map<string, V>();

  constructor(private readonly max: number) {}

  get(name: string): V | undefined {
    return this.#entries.get(name);
  }

  set(name: string, value: V): void {
    if (this.#entries.size >= this.max && !this.#entries.has(name)) {
      this.#entries.delete(this.#entries.keys().next().value!);
    }
    this.#entries.set(name, value);
  }

  delete(name: string): void {
    this.#entries.delete(name);
  }

  clear(): void {
    this.#entries.clear();
  }
}
