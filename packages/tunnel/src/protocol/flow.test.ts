import { type DialTarget, FLOW_REFUSALS, type NodeName, PROTOCOLS } from '@edgeway/core'
import { endpointsOf } from '@edgeway/testbed'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../errors.ts'
import {
  decodeFlowAnswer,
  decodeFlowRequest,
  encodeFlowAnswer,
  encodeFlowRequest,
  toDialError,
} from './flow.ts'

const PREFIX_BYTES = 2

const target: fc.Arbitrary<DialTarget> = fc.record({
  endpoint: fc.record({
    node: fc.string({ maxLength: 60 }).map((text) => text as NodeName),
    ip: fc.oneof(fc.ipV4(), fc.ipV6()).filter((ip) => ip.length <= 45),
    port: fc.integer({ min: 1, max: 65_535 }),
    protocol: fc.constantFrom(...PROTOCOLS),
  }),
  service: fc.string({ maxLength: 60 }).map((text) => text as DialTarget['service']),
})

describe('flow requests', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(target, ({ endpoint, service }) => {
        const decoded = decodeFlowRequest(encodeFlowRequest({ endpoint, service }).subarray(PREFIX_BYTES))

        expect(decoded).toEqual({ target: endpoint, service })
      }),
    )
  })

  it.each([
    ['no JSON', '?'],
    ['no target', '{"service":"shop/web"}'],
    ['a name for an address', '{"target":{"node":"a","ip":"localhost","port":80,"protocol":"TCP"}}'],
    ['port 0', '{"target":{"node":"a","ip":"10.1.0.1","port":0,"protocol":"TCP"}}'],
    ['an unknown protocol', '{"target":{"node":"a","ip":"10.1.0.1","port":80,"protocol":"SCTP"}}'],
    ['no node', '{"target":{"ip":"10.1.0.1","port":80,"protocol":"TCP"}}'],
  ])('with %s are protocol errors', (_what, text) => {
    expect(() => decodeFlowRequest(Buffer.from(text))).toThrow(ProtocolError)
  })
})

describe('flow answers', () => {
  it('come back as they were, with a long reason cut', () => {
    const answer = { status: 'unknown-target', reason: 'x'.repeat(10_000) }

    expect(decodeFlowAnswer(encodeFlowAnswer(answer).subarray(PREFIX_BYTES))).toEqual({
      status: 'unknown-target',
      reason: 'x'.repeat(500),
    })
  })

  it('become errors after which another endpoint may do', () => {
    const [endpoint] = endpointsOf('edge-2/10.1.0.1:80')
    if (endpoint === undefined) throw new Error('no endpoint')
    const errors = FLOW_REFUSALS.map((status) => toDialError(endpoint, { status, reason: 'r' }))

    expect(errors.every(({ retryable }) => retryable)).toBe(true)
    expect(toDialError(endpoint, { status: 'endpoint-refused', reason: 'r' }).failure).toBe('refused')
    expect(toDialError(endpoint, { status: 'of-a-newer-agent', reason: 'r' })).toMatchObject({
      failure: 'rejected',
      retryable: true,
    })
  })
})
