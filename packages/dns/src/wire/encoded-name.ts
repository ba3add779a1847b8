/**
 * The wire form of a name, without pointers (RFC 1035 section 3.1).
 *
 * @param labels - each of 1 to 63 bytes of latin1 text, 254 bytes with their lengths at most; of any bytes, dots too
 */
export function encodedName(labels: readonly string[]): Buffer {
  const parts = labels.map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1'))
  return Buffer.concat([...parts, Buffer.from([0])])
}
