import fc from 'fast-check'
import { expect, it } from 'vitest'
import { lowerCaseAscii } from './ascii-case.ts'

const latin1 = fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('latin1'))

it('changes the letters A to Z, and no other byte', () => {
  fc.assert(
    fc.property(latin1, (text) => {
      const expected = Array.from(text, (byte) => (byte >= 'A' && byte <= 'Z' ? byte.toLowerCase() : byte))
      expect(lowerCaseAscii(text)).toBe(expected.join(''))
    }),
  )
})
