import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeField, WireMessage } from './wire.ts'

describe('WireMessage', () => {
  it('reads back what was encoded, in any number of fields', () => {
    const field = fc.tuple(fc.integer({ min: 1, max: 500 }), fc.oneof(fc.string(), fc.nat(2 ** 31 - 1)))
    fc.assert(
      fc.property(fc.array(field), (fields) => {
        const message = new WireMessage(
          Buffer.concat(fields.map(([number, value]) => encodeField(number, value))),
        )
        for (const [number, value] of new Map(fields))
          expect(typeof value === 'number' ? message.number(number) : message.string(number)).toBe(value)
      }),
    )
  })

  it('passes over fields of fixed size and has defaults for what is absent', () => {
    const fixed = Buffer.from([(1 << 3) | 1, 1, 2, 3, 4, 5, 6, 7, 8, (2 << 3) | 5, 1, 2, 3, 4])
    const message = new WireMessage(Buffer.concat([fixed, encodeField(3, 'kept')]))

    expect(message.string(3)).toBe('kept')
    expect([message.number(9), message.string(9), message.messages(9), message.message(9).string(1)]).toEqual(
      [0, '', [], ''],
    )
  })

  it('reads numbers of 64 bits, to the precision of a number', () => {
    const number = new WireMessage(Buffer.from('20a8fee5aadb9380f518', 'hex')).number(4)
    expect(BigInt(number) / 1_000n).toBe(1_795_248_078_812_970n)
  })

  it('never does anything but read a message or refuse it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          new WireMessage(Buffer.from(bytes)).messages(1)
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_POD_RUNTIME' })
        }
      }),
    )
  })
})
