/**
 * PostgreSQL's binary form of one-dimensional arrays. `pg` sends a Buffer as it is and as binary, so values cross without being
 * written out as hexadecimal digits and without any quoting.
 */

const BYTEA = 17;
const INT8 = 20;

export const byteaArray = (values: readonly (Uint8Array | null)[]): Buffer => arrayOf(BYTEA, values);

export function int8Array(values: readonly (bigint | number)[]): Buffer {
  return arrayOf(
    INT8,
    values.map((value) => {
      const bytes = Buffer.allocUnsafe(8);
      bytes.writeBigInt64BE(BigInt(value));
      return bytes;
    }),
  );
}

/** u32 dimensions ‖ u32 has nulls ‖ u32 type ‖ u32 length ‖ u32 lower bound, then of each value i32 length (-1: null) ‖ bytes. */
function arrayOf(type: number, values: readonly (Uint8Array | null)[]): Buffer {
  let bytes = 20;
  for (const value of values) bytes += 4 + (value?.length ?? 0);
  const out = Buffer.allocUnsafe(values.length === 0 ? 12 : bytes);
  out.writeUInt32BE(values.length === 0 ? 0 : 1, 0);
  out.writeUInt32BE(values.includes(null) ? 1 : 0, 4);
  out.writeUInt32BE(type, 8);
  if (values.length === 0) return out;
  out.writeUInt32BE(values.length, 12);
  out.writeUInt32BE(1, 16);
  let at = 20;
  for (const value of values) {
    out.writeInt32BE(value ? value.length : -1, at);
    at += 4;
    if (!value) continue;
    out.set(value, at);
    at += value.length;
  }
  return out;
}
