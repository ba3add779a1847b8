import type { NodeName } from '@edgeway/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../errors.ts'
import { JOIN_REFUSALS } from './join-refusal.ts'
import {
  type AgentMessage,
  decodeAgentMessage,
  decodeServerMessage,
  encodeAgentMessage,
  encodeServerMessage,
  encodeWelcome,
  MAX_ADDRESSES,
  MAX_MEMBERS,
  type ServerMessage,
} from './registry.ts'

const PREFIX_BYTES = 4

const node = fc.stringMatching(/^[a-z0-9]{1,20}(-[a-z0-9]{1,5})?$/).map((text) => text as NodeName)
const addresses = fc.array(fc.string({ maxLength: 100 }), { maxLength: 16 })
const peer = fc.record({ node, peerId: fc.string({ maxLength: 60 }), addresses })

const agentMessage: fc.Arbitrary<AgentMessage> = fc.oneof(
  fc.record({
    type: fc.constant('join' as const),
    version: fc.nat(9),
    node,
    token: fc.string({ maxLength: 50 }),
    addresses,
  }),
  fc.record({ type: fc.constant('addresses' as const), addresses }),
)
const serverMessage: fc.Arbitrary<ServerMessage> = fc.oneof(
  fc.record({ type: fc.constant('welcome' as const), peers: fc.array(peer) }),
  fc.record({
    type: fc.constant('refused' as const),
    reason: fc.constantFrom(...JOIN_REFUSALS),
    message: fc.string(),
  }),
  peer.map((record) => ({ type: 'peer' as const, ...record })),
  fc.record({ type: fc.constant('gone' as const), peerId: fc.string() }),
)

describe('registry messages', () => {
  it('of an agent come back as they were', () => {
    fc.assert(
      fc.property(agentMessage, (message) => {
        expect(decodeAgentMessage(encodeAgentMessage(message).subarray(PREFIX_BYTES))).toEqual(message)
      }),
    )
  })

  it('of a server come back as they were', () => {
    fc.assert(
      fc.property(serverMessage, (message) => {
        expect(decodeServerMessage(encodeServerMessage(message).subarray(PREFIX_BYTES))).toEqual(message)
      }),
    )
  })

  it('that are anything else are protocol errors, or skipped', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc.object().map((value) => JSON.stringify(value)),
    )
    fc.assert(
      fc.property(fc.oneof(anything, wrongFields()), (text) => {
        for (const decode of [decodeAgentMessage, decodeServerMessage]) {
          expect(outcomeOf(() => decode(Buffer.from(text)))).toMatch(/^(skipped|ProtocolError)$/)
        }
      }),
    )
  })

  it('of a type that a later version may add are skipped', () => {
    expect(decodeServerMessage(Buffer.from('{"type":"weather"}'))).toBeUndefined()
    expect(decodeAgentMessage(Buffer.from('{"type":"weather"}'))).toBeUndefined()
  })

  it('with a refusal of a newer server keep its sentence', () => {
    expect(
      decodeServerMessage(Buffer.from('{"type":"refused","reason":"full-moon","message":"wait"}')),
    ).toEqual({
      type: 'refused',
      reason: 'bad-request',
      message: 'wait',
    })
  })
})

it('welcomes as many members as may be, whatever their names and addresses', () => {
  const address = `/dns4/${'a'.repeat(253)}/tcp/20008`
  const peers = Array.from({ length: MAX_MEMBERS }, () => ({
    node: 'a'.repeat(253) as NodeName,
    peerId: '1'.repeat(52),
    addresses: Array.from({ length: MAX_ADDRESSES }, () => address),
  }))

  for (const some of [peers.slice(0, 10), peers]) {
    const message = decodeServerMessage(encodeWelcome(some).subarray(PREFIX_BYTES))
    expect(message?.type === 'welcome' && message.peers.length).toBe(some.length)
  }
})

/** Known types whose fields are of the wrong kind. */
function wrongFields(): fc.Arbitrary<string> {
  const type = fc.constantFrom('join', 'addresses', 'welcome', 'refused', 'peer', 'gone')
  const wrong = fc.oneof(fc.constant(null), fc.double(), fc.constant('?'.repeat(2_000)), fc.constant({}))
  const fields = { node: wrong, version: wrong, token: wrong, addresses: wrong, peers: wrong }
  return fc
    .record({ type, ...fields, reason: wrong, message: wrong, peerId: wrong })
    .map((value) => JSON.stringify(value))
}

function outcomeOf(decode: () => unknown): string {
  try {
    return decode() === undefined ? 'skipped' : 'decoded'
  } catch (error) {
    return error instanceof ProtocolError ? error.name : String(error)
  }
}
