import type { NodeName } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import type { ClusterId } from '../../identity/membership.ts'
import type { PeerRecord } from '../../records/peer-record.ts'
import { decodeKey, encodeKey, indexOfBest, meetingPlaces } from './records.ts'

const CLUSTER = '0123456789abcdef' as ClusterId

function record(peerId: string, fields: object = {}): PeerRecord {
  const membership = { role: 'agent', issuedAt: 1 }
  return {
    peerId,
    epoch: 1,
    seq: 1,
    lan: [],
    direct: [],
    egress: [],
    membership,
    ...fields,
  } as unknown as PeerRecord
}

describe('a key', () => {
  it.each([
    { kind: 'node', node: 'edge-1.example' as NodeName } as const,
    { kind: 'peer', peerId: '12D3KooWx' } as const,
  ])('can be read again: %o', (question) => {
    expect(decodeKey(CLUSTER, encodeKey(CLUSTER, question))).toEqual(question)
  })

  it.each([
    '',
    '/pk/x',
    `/edgeway/${CLUSTER}/node`,
    `/edgeway/${CLUSTER}/x/y`,
    `/edgeway/${CLUSTER}/node/a/b`,
  ])('of another form asks for nothing: %s', (text) =>
    expect(decodeKey(CLUSTER, Buffer.from(text))).toBeUndefined(),
  )

  it('of another cluster asks for nothing', () => {
    const key = encodeKey('f'.repeat(16) as ClusterId, { kind: 'node', node: 'edge-1' as NodeName })
    expect(decodeKey(CLUSTER, key)).toBeUndefined()
  })
})

describe('of several records', () => {
  it('the newest of one peer is the best, wherever it stands', () => {
    const [old, restarted] = [record('a', { seq: 9 }), record('a', { epoch: 2 })]
    expect(indexOfBest([old, restarted, undefined])).toBe(1)
    expect(indexOfBest([undefined, restarted, old])).toBe(1)
  })

  it('the one with the later certificate is the best when the node has got another key', () => {
    const former = record('a', { epoch: 9 })
    const present = record('b', { membership: { role: 'agent', issuedAt: 2 } })
    expect(indexOfBest([former, present])).toBe(1)
    expect(indexOfBest([present, former])).toBe(0)
  })
})

describe('meeting places', () => {
  const PLACES = Array.from({ length: 50 }, (_, index) => record(`peer-${index}`, { direct: ['x'] }))
  const names = (key: string, records: readonly PeerRecord[]): string[] =>
    meetingPlaces(Buffer.from(key), records, ({ egress }) => egress.includes('45.80.0.1')).map(
      ({ peerId }) => peerId,
    )

  it('are the same for everybody, and others for each key', () => {
    expect(names('one', PLACES)).toEqual(names('one', PLACES.toReversed()))
    expect(names('one', PLACES).slice(0, 5)).not.toEqual(names('two', PLACES).slice(0, 5))
  })

  it('are agents with an address; those that all reach take turns with those of the own LAN', () => {
    const server = record('server', { direct: ['x'], membership: { role: 'server', issuedAt: 1 } })
    const far = record('far', { lan: ['x'], egress: ['45.80.0.9'] })
    const near = ['near-1', 'near-2'].map((peerId) => record(peerId, { lan: ['x'], egress: ['45.80.0.1'] }))
    const direct = ['direct-1', 'direct-2', 'direct-3'].map((peerId) => record(peerId, { direct: ['x'] }))
    const places = names('one', [far, record('lost'), server, ...near, ...direct])

    expect(places.map((name) => name.replace(/-.*/, ''))).toEqual([
      ...['direct', 'near', 'direct', 'near', 'direct'],
      'far',
    ])
  })
})
