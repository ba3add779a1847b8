import { expect, it } from 'vitest'
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
  [{ type: 'offer', version: 1, nat: NAT, mapping: { ip: '1.2.3.4', port: 65_536 } }, /field port is 65536/],
  [{ type: 'answer', nat: NAT, mapping: MAPPING, reflectMs: -1 }, /reflectMs/],
])('%j is refused by name', (message, why) => {
  expect(() => decoded(message)).toThrow(why)
})
