import type { NodeName } from '@edgeway/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../errors.ts'
import { MAX_BUNDLE_LENGTH } from '../identity/trust-bundle.ts'
import {
  decodeEnrolmentAnswer,
  decodeEnrolmentRequest,
  ENROLMENT_REFUSALS,
  type EnrolmentAnswer,
  type EnrolmentRequest,
  encodeEnrolmentAnswer,
  encodeEnrolmentRequest,
} from './enrolment.ts'

const PREFIX_BYTES = 4

const text = fc.string({ maxLength: 60 })
const node = fc.stringMatching(/^[a-z0-9]{1,20}(-[a-z0-9]{1,5})?$/).map((name) => name as NodeName)
const labels = fc.dictionary(text, text, { maxKeys: 16, noNullPrototype: true })

const request: fc.Arbitrary<EnrolmentRequest> = fc.oneof(
  fc.record({ type: fc.constant('hello' as const), version: fc.nat(9) }),
  fc.record({ type: fc.constant('enrol' as const), node, token: text, labels }),
  fc.record({ type: fc.constant('renew' as const), certificate: text }),
  fc.record({ type: fc.constant('untrusted' as const), message: text }),
)
const answer: fc.Arbitrary<EnrolmentAnswer> = fc.oneof(
  fc.record({
    type: fc.constantFrom('server' as const, 'enrolled' as const),
    certificate: text,
    bundle: text,
  }),
  fc.record({
    type: fc.constant('refused' as const),
    reason: fc.constantFrom(...ENROLMENT_REFUSALS),
    message: text,
  }),
)

describe('enrolment messages', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(request, answer, (asked, told) => {
        expect(decodeEnrolmentRequest(encodeEnrolmentRequest(asked).subarray(PREFIX_BYTES))).toEqual(asked)
        expect(decodeEnrolmentAnswer(encodeEnrolmentAnswer(told).subarray(PREFIX_BYTES))).toEqual(told)
      }),
    )
  })

  it('that are anything else are protocol errors', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc.object().map((value) => JSON.stringify(value)),
    )
    fc.assert(
      fc.property(anything, (bytes) => {
        expect(() => decodeEnrolmentRequest(Buffer.from(bytes))).toThrow(ProtocolError)
        expect(() => decodeEnrolmentAnswer(Buffer.from(bytes))).toThrow(ProtocolError)
      }),
    )
  })

  it.each([
    ['an unknown type', { type: 'weather' }, /type "weather" is unknown/],
    ['no version', { type: 'hello' }, /field version/],
    ['a node that is none', enrol({ node: 'Edge 1' }), /field node/],
    ['a token too large', enrol({ token: 'x'.repeat(5_000) }), /field token/],
    ['labels that are none', enrol({ labels: [] }), /field labels/],
    ['a label that is no text', enrol({ labels: { zone: 1 } }), /field zone/],
    ['a label too large', enrol({ labels: { zone: 'x'.repeat(64) } }), /field zone/],
    [
      'too many labels',
      enrol({ labels: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`l${index}`, ''])) }),
      /field labels/,
    ],
  ])('with %s are protocol errors that name the field', (_what, message, expected) => {
    expect(() => decodeEnrolmentRequest(Buffer.from(JSON.stringify(message)))).toThrow(expected)
  })

  it('with a reason of a newer server keep its sentence', () => {
    const refused = decodeEnrolmentAnswer(
      Buffer.from('{"type":"refused","reason":"full-moon","message":"wait"}'),
    )
    expect(refused).toEqual({ type: 'refused', reason: 'bad-request', message: 'wait' })
  })

  it('hold as large a bundle as may be', () => {
    const told = { type: 'server' as const, certificate: 'c', bundle: 'b'.repeat(MAX_BUNDLE_LENGTH) }
    expect(decodeEnrolmentAnswer(encodeEnrolmentAnswer(told).subarray(PREFIX_BYTES))).toEqual(told)
  })
})

function enrol(overrides: object): object {
  return { type: 'enrol', node: 'edge-1', token: 't', labels: {}, ...overrides }
}
