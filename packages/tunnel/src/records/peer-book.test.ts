import type { NodeName } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import type { ClusterId, MembershipVerdict } from '../identity/membership.ts'
import { UNKNOWN_NAT } from '../nat-type.ts'
import { PeerBook, type PeerChange } from './peer-book.ts'
import type { PeerRecord } from './peer-record.ts'

function recordOf(
  node: string,
  peerId: string,
  { issuedAt = 1, epoch = 1, seq = 1 }: { issuedAt?: number; epoch?: number; seq?: number } = {},
): PeerRecord {
  const membership = {
    cluster: '0123456789abcdef' as ClusterId,
    node: node as NodeName,
    peerId,
    role: 'agent' as const,
    labels: {},
    issuedAt,
    notBefore: issuedAt,
    notAfter: issuedAt + 100,
    signer: '',
  }
  return {
    ...{ membership, peerId, node: membership.node, epoch, seq },
    ...{ instance: 'one', lan: [], direct: [], egress: [], relays: [], nat: UNKNOWN_NAT },
    wire: {
      certificate: `certificate ${node} ${peerId} ${issuedAt}`,
      record: `record ${node} ${peerId} ${epoch} ${seq}`,
    },
  }
}

const member = ({ membership }: PeerRecord): MembershipVerdict => ({ kind: 'member', membership })
const node = (name: string): NodeName => name as NodeName

describe('the peer book', () => {
  it('keeps the newest record of each peer', () => {
    const book = new PeerBook(member)
    const newest = recordOf('edge-1', 'P1', { epoch: 2, seq: 1 })

    expect(book.apply(recordOf('edge-1', 'P1', { epoch: 1, seq: 7 }))).toBe('set')
    expect(book.apply(newest)).toBe('set')
    expect(book.apply(recordOf('edge-1', 'P1', { epoch: 1, seq: 8 }))).toBe('older')
    expect(book.apply({ ...newest })).toBe('known')
    expect(book.byNode(node('edge-1'))).toBe(newest)
    expect(book.byPeerId('P1')).toBe(newest)
    expect(book.size).toBe(1)
  })

  it('knows one key for each node: that of the certificate that was issued last', () => {
    const book = new PeerBook(member)
    const changes: PeerChange[] = []
    book.onChange((change) => changes.push(change))
    const former = recordOf('edge-1', 'P1', { issuedAt: 10 })
    const later = recordOf('edge-1', 'P2', { issuedAt: 20 })
    book.apply(former)
    book.apply(later)

    expect(book.byNode(node('edge-1'))).toBe(later)
    expect(book.byPeerId('P1')).toBeUndefined()
    expect(book.apply(recordOf('edge-1', 'P1', { issuedAt: 10, epoch: 9 }))).toBe('superseded')
    expect(changes.map(({ kind, record }) => [kind, record.peerId])).toEqual([
      ['set', 'P1'],
      ['removed', 'P1'],
      ['set', 'P2'],
    ])
    expect(changes[1]).toMatchObject({ reason: 'superseded', message: expect.stringContaining('P2') })
  })

  it('comes to the same answer in whatever order records of one second come', () => {
    const rivals = [recordOf('edge-1', 'P1'), recordOf('edge-1', 'P2')]
    const answers = [rivals, rivals.toReversed()].map((order) => {
      const book = new PeerBook(member)
      for (const record of order) book.apply(record)
      return book.byNode(node('edge-1'))?.peerId
    })

    expect(answers).toEqual(['P2', 'P2'])
  })

  it('follows a key that got another node name, and does not go back', () => {
    const book = new PeerBook(member)
    book.apply(recordOf('edge-1', 'P1', { issuedAt: 10, epoch: 5 }))

    expect(book.apply(recordOf('edge-2', 'P1', { issuedAt: 20, epoch: 1 }))).toBe('set')
    expect(book.byNode(node('edge-1'))).toBeUndefined()
    expect(book.apply(recordOf('edge-1', 'P1', { issuedAt: 10, epoch: 6 }))).toBe('older')
    expect(book.byNode(node('edge-2'))?.peerId).toBe('P1')
  })

  it('lets go of whom its judge refuses, with the reason', () => {
    let isRevoked = false
    const book = new PeerBook((record) =>
      isRevoked && record.peerId === 'P1'
        ? { kind: 'refused', reason: 'revoked', message: 'stolen' }
        : member(record),
    )
    const changes: PeerChange[] = []
    book.apply(recordOf('edge-1', 'P1'))
    book.apply(recordOf('edge-2', 'P2'))
    book.onChange((change) => changes.push(change))
    book.review()
    isRevoked = true
    book.review()

    expect(changes).toMatchObject([
      { kind: 'removed', record: { peerId: 'P1' }, reason: 'revoked', message: 'stolen' },
    ])
    expect([...book.records()].map(({ peerId }) => peerId)).toEqual(['P2'])
    expect(book.byNode(node('edge-1'))).toBeUndefined()
  })

  it('wakes who waits for a peer, and gives up after the time', async () => {
    const book = new PeerBook(member)
    const waiting = book.waitFor((one) => one.byPeerId('P1'), 60_000)
    const inVain = book.waitFor((one) => one.byPeerId('P2'), 1)
    const record = recordOf('edge-1', 'P1')
    book.apply(record)

    expect(await waiting).toBe(record)
    expect(await inVain).toBeUndefined()
    expect(await book.waitFor((one) => one.byNode(node('edge-1')), 1)).toBe(record)
  })
})
