import fc from 'fast-check'
import { expect, it } from 'vitest'
import { putUint16, uint8, uint16 } from './uint.ts'

it('reads and writes what Buffer reads and writes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 2 }), fc.nat(0xffff), fc.nat(), (array, value, anywhere) => {
      const bytes = Buffer.from(array)
      const offset = anywhere % (bytes.length - 1)
      expect(uint8(bytes, offset)).toBe(bytes.readUInt8(offset))
      expect(uint16(bytes, offset)).toBe(bytes.readUInt16BE(offset))

      const expected = Buffer.from(bytes)
      expected.writeUInt16BE(value, offset)
      putUint16(bytes, value, offset)
      expect(bytes).toEqual(expected)
    }),
  )
})

it('reads zeros beyond the end, and writes nothing there', () => {
  const bytes = Buffer.from([1, 2])
  expect(uint16(bytes, 1)).toBe(0x0200)
  expect(uint16(bytes, 2)).toBe(0)
  putUint16(bytes, 0xffff, 2)
  expect(bytes).toEqual(Buffer.from([1, 2]))
})
