/**
 * Unsigned integers in network byte order. HOT PATH: Buffer's own methods check their arguments anew for each number.
 * Callers have checked the bounds: beyond them there are zeros.
 */
export function uint8(bytes: Uint8Array, offset: number): number {
  return bytes[offset] ?? 0
}

export function uint16(bytes: Uint8Array, offset: number): number {
  return (uint8(bytes, offset) << 8) | uint8(bytes, offset + 1)
}

/** Writes the lower 16 bits of `value`; what is beyond the end is not written. */
export function putUint16(bytes: Uint8Array, value: number, offset: number): void {
  bytes[offset] = value >> 8
  bytes[offset + 1] = value
}
