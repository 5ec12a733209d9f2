/** Seals the values of stored records under keys derived from the root key. Format: src/encryption/FORMAT.md, "Sealed records". */
export interface RecordSealer {
  /** `type` and the full row key are authenticated: a value moved to another row or table doesn't open. */
  seal(type: string, rowKey: Uint8Array, plaintext: Uint8Array): Buffer;
  /** @throws StoreDamaged where the value was changed, moved, or sealed under another root key. */
  open(type: string, rowKey: Uint8Array, sealed: Uint8Array): Buffer;
  /** As `open`, of many rows of one type. @throws StoreDamaged for the first that doesn't open */
  openMany(type: string, rows: readonly { key: Uint8Array; value: Uint8Array }[]): Buffer[];
}
