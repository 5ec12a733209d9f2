/** Stored bytes are damaged or were tampered with. The message names the file or row, never its content. */
export class StoreDamaged extends Error {
  override name = 'StoreDamaged';
}
