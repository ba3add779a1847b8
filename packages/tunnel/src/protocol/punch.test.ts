import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ProtocolError } from '../errors.ts'
import { decodePunchMessage, encodePunchMessage, PUNCH_FRAMES, type PunchMessage } from './punch.ts'

const NAT = { mapping: 'endpoint-independent', filtering: 'drop' } as const
const MAPPING = { ip: '45.80.0.101', port: 41_000 }

function decoded(message: object): PunchMessage {
  return decodePunchMessage(Buffer.from(JSON.stringify(message)))
}

it.each<PunchMessage>([
  { type: 'offer', version: 1, nat: NAT, mapping: MAPPING },
  { type: 'answer', nat: NAT, mapping: { ip: '2a00::1', port: 1 }, reflectMs: 40 },
  { type: 'go' },
  { type: 'result', outcome: 'reset' },
  { type: 'refused', reason: 'busy', message: 'one at a time' },
])('$type reads as it was written', (message) => {
  expect(decodePunchMessage(encodePunchMessage(message).subarray(PUNCH_FRAMES.prefixBytes))).toEqual(message)
})

it('words of a newer version are taken for the nearest that is known', () => {
  expect(decoded({ type: 'refused', reason: 'moon', message: 'full' })).toMatchObject({
    reason: 'bad-request',
  })
  expect(decoded({ type: 'result', outcome: 'moon' })).toEqual({ type: 'result', outcome: 'timeout' })
})

it.each([
  [{ type: 'toString' }, /type "toString" is unknown/],
  [{ type: 'offer', version: 1, nat: NAT, mapping: { ip: 'here', port: 1 } }, /field ip is "here"/],
  [{ type: 'offer', version: 1, nat: NAT, mapping: { ip: 'fe80::1%eth0', port: 1 } }, /field ip is "fe80/],
  [{ type: 'offer', version: 1, nat: NAT, mapping: { ip: '1.2.3.4', port: 65_536 } }, /field port is 65536/],
  [{ type: 'answer', nat: NAT, mapping: MAPPING, reflectMs: -1 }, /reflectMs/],
])('%j is refused by name', (message, why) => {
  expect(() => decoded(message)).toThrow(why)
})

it('whatever comes is a message, or an error that can be told to its sender', () => {
  const any = fc.oneof(
    fc.jsonValue(),
    fc.string({ minLength: 900, maxLength: 1_500, unit: fc.constantFrom('"', '\ud800') }),
  )
  const mapping = fc.record({ ip: fc.oneof(fc.ipV4(), fc.ipV6(), any), port: fc.oneof(fc.nat(70_000), any) })
  const odd = fc.record(
    {
      type: fc.constantFrom('offer', 'answer', 'go', 'result', 'refused'),
      ...{ version: fc.constant(1), nat: fc.oneof(fc.constant(NAT), any), mapping: fc.oneof(mapping, any) },
      ...{ reflectMs: fc.oneof(fc.nat(), any), outcome: any, reason: any, message: any },
    },
    { requiredKeys: ['type', 'version'] },
  )
  const json = fc.oneof(odd, fc.jsonValue()).map((value) => Buffer.from(JSON.stringify(value)))
  fc.assert(
    fc.property(fc.oneof(json, fc.uint8Array()), (bytes) => {
      try {
        decodePunchMessage(bytes)
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error
        encodePunchMessage({ type: 'refused', reason: 'bad-request', message: error.message })
      }
    }),
    { numRuns: 500 },
  )
})

it('a refusal of a long port can be told to its sender', () => {
  const long = { type: 'offer', version: 1, nat: NAT, mapping: { ip: '1.2.3.4', port: '"'.repeat(900) } }
  expect(() => decoded(long)).toThrow(/^field port is .{100}, expected a port/)
})
