export interface Material {
  bytes: Buffer;
  id: string;
  there: boolean;
  validToMs: number;
}

export interface Sealed {
  blob: string;
  context: Record<string, string>;
  plaintext: string;
  materialId: string;
}

/** What the test believes of a key: nothing of it is asked from the key service. */
export interface Key {
  id: string;
  external: boolean;
  state: 'Enabled' | 'Disabled' | 'PendingDeletion';
  deletionMs: number;
  /** Of external keys, without what waits for its rotation. */
  materials: Material[];
  waiting: Material | undefined;
  sealed: Sealed[];
}

/** What a key that is destroyed leaves of a ciphertext. */
export const GONE = 'AccessDeniedException';

/** Why Decrypt is refused; undefined: it isn't. */
export function refusalOf(key: Key, nowMs: number): string | undefined {
  if (key.state === 'PendingDeletion') return key.deletionMs <= nowMs ? GONE : 'KMSInvalidStateException';
  if (isPendingImport(key, nowMs)) return 'KMSInvalidStateException';
  return key.state === 'Disabled' ? 'DisabledException' : undefined;
}

export function isPendingImport({ external, materials }: Key, nowMs: number): boolean {
  return external && (materials.length === 0 || materials.some((one) => !one.there || one.validToMs <= nowMs));
}
