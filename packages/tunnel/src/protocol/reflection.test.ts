import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ProtocolError } from '../errors.ts'
import {
  decodeReflectionMessage,
  encodeReflectionMessage,
  REFLECTION_FRAMES,
  type ReflectionMessage,
} from './reflection.ts'

it.each<ReflectionMessage>([
  { type: 'you', version: 1, mapping: { ip: '45.80.0.101', port: 41_000 } },
  { type: 'call-back' },
  { type: 'called-back', outcome: 'refused' },
])('$type reads as it was written', (message) => {
  const frame = encodeReflectionMessage(message)
  expect(decodeReflectionMessage(frame.subarray(REFLECTION_FRAMES.prefixBytes))).toEqual(message)
})

it('what is of no known type, or names no address, is refused by name', () => {
  const decode = (message: object) => decodeReflectionMessage(Buffer.from(JSON.stringify(message)))
  expect(() => decode({ type: 'moon' })).toThrow(/type "moon" is unknown/)
  expect(() => decode({ type: 'you', version: 1, mapping: { ip: '', port: 1 } })).toThrow(/field ip/)
})

it('whatever comes is a message or a ProtocolError', () => {
  const odd = fc.record(
    {
      type: fc.constantFrom('you', 'call-back', 'called-back'),
      ...{ version: fc.jsonValue(), mapping: fc.jsonValue(), outcome: fc.jsonValue() },
    },
    { requiredKeys: ['type'] },
  )
  const json = fc.oneof(odd, fc.jsonValue()).map((value) => Buffer.from(JSON.stringify(value)))
  fc.assert(
    fc.property(fc.oneof(json, fc.uint8Array()), (bytes) => {
      try {
        decodeReflectionMessage(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError)
      }
    }),
  )
})
