import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ProtocolError } from '../errors.ts'
import {
  CONNECTION_REFUSALS,
  decodeMembershipMessage,
  encodeMembershipMessage,
  type MembershipMessage,
} from './membership.ts'

const PREFIX_BYTES = 4
const text = fc.string({ maxLength: 200 })
const message: fc.Arbitrary<MembershipMessage> = fc.oneof(
  fc.record({ type: fc.constant('ask' as const), version: fc.nat(9), bundleSerial: fc.nat() }),
  fc.record({
    type: fc.constant('member' as const),
    certificate: text,
    bundleSerial: fc.nat(),
    bundle: text,
  }),
  fc.record({ type: fc.constant('ok' as const), bundle: text }),
  fc.record({
    type: fc.constant('refused' as const),
    reason: fc.constantFrom(...CONNECTION_REFUSALS),
    message: text,
  }),
)

it('messages about membership come back as they were', () => {
  fc.assert(
    fc.property(message, (one) => {
      expect(decodeMembershipMessage(encodeMembershipMessage(one).subarray(PREFIX_BYTES))).toEqual(one)
    }),
  )
})

it('what is no message about membership is a protocol error', () => {
  const wrong = fc.oneof(fc.constant(null), fc.double(), fc.constant({}))
  const fields = { version: wrong, bundleSerial: wrong, certificate: wrong, bundle: wrong }
  const type = fc.constantFrom('ask', 'member', 'ok', 'refused', 'weather')
  const anything = fc.oneof(
    fc.json(),
    fc.record({ type, ...fields, reason: wrong, message: wrong }).map((value) => JSON.stringify(value)),
  )
  fc.assert(
    fc.property(anything, (bytes) => {
      expect(() => decodeMembershipMessage(Buffer.from(bytes))).toThrow(ProtocolError)
    }),
  )
})

it('a long explanation is cut, and a reason of a newer version keeps its sentence', () => {
  const long = { type: 'refused', reason: 'revoked', message: 'x'.repeat(5_000) } as const
  const cut = decodeMembershipMessage(encodeMembershipMessage(long).subarray(PREFIX_BYTES))
  expect(cut).toEqual({ ...long, message: 'x'.repeat(1_000) })
  const newer = Buffer.from('{"type":"refused","reason":"full-moon","message":"wait"}')
  expect(decodeMembershipMessage(newer)).toEqual({ type: 'refused', reason: 'malformed', message: 'wait' })
})
