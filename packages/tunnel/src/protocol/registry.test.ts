import type { NodeName } from '@edgeway/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../errors.ts'
import { MAX_CERTIFICATE_LENGTH } from '../identity/membership.ts'
import { MAX_RECORD_LENGTH } from '../records/peer-record.ts'
import { MAX_MEMBERS } from './limits.ts'
import { recordKey, versionOf } from './record-version.ts'
import {
  decodeRegistryMessage,
  encodeRecords,
  encodeRegistryMessage,
  NOTICE_REASONS,
  REGISTRY_FRAMES,
  REGISTRY_REFUSALS,
  type RegistryMessage,
} from './registry.ts'

const PREFIX_BYTES = 4

const text = fc.string({ maxLength: 45 })
const key = fc.string({ maxLength: 60 }).map(recordKey)
const node = fc.stringMatching(/^[a-z0-9]{1,20}(-[a-z0-9]{1,5})?$/).map((name) => name as NodeName)
const record = fc.record({ certificate: text, record: text })
const id = fc.nat(2 ** 31 - 1)

function typed<Type extends string, Rest>(type: Type, rest: fc.Arbitrary<Rest>) {
  return rest.map((fields) => ({ type, ...fields }))
}

const message: fc.Arbitrary<RegistryMessage> = fc.oneof(
  typed(
    'hello' as const,
    fc.record({ version: fc.nat(9), certificate: text, bundleSerial: fc.maxSafeNat(), instance: text }),
  ),
  typed(
    'welcome' as const,
    fc.record({
      certificate: text,
      bundleSerial: fc.maxSafeNat(),
      instance: text,
      observed: text,
      agents: fc.nat(),
      reflectorPorts: fc.array(fc.nat({ max: 65_535 }), { maxLength: 4 }),
    }),
  ),
  typed('refused' as const, fc.record({ reason: fc.constantFrom(...REGISTRY_REFUSALS), message: text })),
  typed('bundle' as const, fc.record({ bundle: text })),
  typed('have' as const, fc.record({ entries: fc.array(fc.record({ key, version: fc.nat(2 ** 31 - 1) })) })),
  typed('want' as const, fc.record({ keys: fc.array(key) })),
  typed('present' as const, fc.record({ keys: fc.array(key) })),
  typed('absent' as const, fc.record({ keys: fc.array(key) })),
  typed('records' as const, fc.record({ records: fc.array(record) })),
  typed('lookup' as const, fc.record({ id, node })),
  typed('found' as const, fc.record({ id, record: fc.option(record, { nil: undefined }) })),
  typed('notice' as const, fc.record({ reason: fc.constantFrom(...NOTICE_REASONS), message: text })),
)

function throughTheWire(sent: RegistryMessage): RegistryMessage | undefined {
  return decodeRegistryMessage(encodeRegistryMessage(sent).subarray(PREFIX_BYTES))
}

describe('registry messages', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(throughTheWire(sent)).toEqual(sent)
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
      fc.property(fc.oneof(anything, wrongFields()), (bytes) => {
        expect(outcomeOf(() => decodeRegistryMessage(Buffer.from(bytes)))).toMatch(
          /^(skipped|ProtocolError)$/,
        )
      }),
    )
  })

  it('of a type that a later version may add are skipped', () => {
    expect(decodeRegistryMessage(Buffer.from('{"type":"weather"}'))).toBeUndefined()
    expect(decodeRegistryMessage(Buffer.from('{"type":"constructor"}'))).toBeUndefined()
  })

  it('with a reason of a later version keep their sentence', () => {
    const refused = decodeRegistryMessage(
      Buffer.from('{"type":"refused","reason":"full-moon","message":"wait"}'),
    )
    expect(refused).toEqual({ type: 'refused', reason: 'bad-request', message: 'wait' })
  })

  it('cut explanations that are too long', () => {
    expect(throughTheWire({ type: 'refused', reason: 'revoked', message: 'x'.repeat(5_000) })).toMatchObject({
      message: 'x'.repeat(1_000),
    })
  })

  it('tell of as many members as may be in one frame', () => {
    const entries = Array.from({ length: MAX_MEMBERS }, (_, index) => ({
      key: recordKey(`peer ${index}`),
      version: versionOf({ epoch: Date.now(), seq: index }),
    }))

    expect(throughTheWire({ type: 'have', entries })).toEqual({ type: 'have', entries })
    const tooMany = [...entries, ...entries.slice(0, 1)]
    expect(() => throughTheWire({ type: 'have', entries: tooMany })).toThrow(ProtocolError)
  })

  it.each([
    ['cut off entries', '{"type":"have","entries":"AAAA"}'],
    ['entries that are no base64', '{"type":"have","entries":"%%%%"}'],
    ['cut off keys', '{"type":"want","keys":"AAAA"}'],
    ['a certificate too large', records({ certificate: 'x'.repeat(MAX_CERTIFICATE_LENGTH + 1), record: '' })],
    ['a record too large', records({ certificate: '', record: 'x'.repeat(MAX_RECORD_LENGTH + 1) })],
    ['a node that is none', '{"type":"lookup","id":1,"node":"Edge 1"}'],
    ['an id out of range', '{"type":"lookup","id":-1,"node":"edge-1"}'],
  ])('with %s are protocol errors', (_what, bytes) => {
    expect(() => decodeRegistryMessage(Buffer.from(bytes))).toThrow(ProtocolError)
  })
})

describe('records in frames', () => {
  it('are all there, in order, in frames of bounded size', () => {
    const sent = Array.from({ length: 300 }, (_, index) => ({
      certificate: `${index}`.padEnd(1_000, '.'),
      record: 'r'.repeat(index % 7 === 0 ? MAX_RECORD_LENGTH : 500),
    }))
    const frames = encodeRecords(sent)
    const received = frames.flatMap((frame) => {
      const decoded = decodeRegistryMessage(frame.subarray(PREFIX_BYTES))
      return decoded?.type === 'records' ? decoded.records : []
    })

    expect(received).toEqual(sent)
    expect(frames.length).toBeGreaterThan(3)
    expect(Math.max(...frames.map(({ length }) => length))).toBeLessThan(REGISTRY_FRAMES.maxBytes / 4)
  })

  it('need no frame where there are none', () => {
    expect(encodeRecords([])).toEqual([])
  })
})

it('another epoch or another sequence number is another version', () => {
  const versions = [
    { epoch: 1, seq: 11 },
    { epoch: 11, seq: 1 },
    { epoch: 1, seq: 1 },
  ].map(versionOf)

  expect(new Set(versions).size).toBe(3)
  expect(recordKey('12D3KooW')).toMatch(/^[0-9a-f]{16}$/)
})

function records(record: object): string {
  return JSON.stringify({ type: 'records', records: [record] })
}

/** Known types whose fields are of the wrong kind. */
function wrongFields(): fc.Arbitrary<string> {
  const type = fc.constantFrom(
    'hello',
    'welcome',
    'refused',

    'have',
    'want',
    'records',
    'lookup',
    'found',
  )
  const wrong = fc.oneof(fc.constant(null), fc.double(), fc.constant('?'.repeat(40_000)), fc.constant({}))
  const names = ['version', 'certificate', 'bundle', 'entries', 'keys', 'records', 'id', 'reason', 'message']
  return fc
    .record({ type, ...Object.fromEntries(names.map((name) => [name, wrong])) })
    .map((value) => JSON.stringify(value))
}

function outcomeOf(decode: () => unknown): string {
  try {
    return decode() === undefined ? 'skipped' : 'decoded'
  } catch (error) {
    return error instanceof ProtocolError ? error.name : String(error)
  }
}
