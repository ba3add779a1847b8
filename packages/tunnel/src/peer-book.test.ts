import type { NodeName } from '@edgeway/core'
import { describe, expect, it } from 'vitest'
import { PeerBook } from './peer-book.ts'

const peer = (node: string, peerId: string) => ({ node: node as NodeName, peerId, addresses: [] })
const nameOf = (node: string): NodeName => node as NodeName

describe('the peer book', () => {
  it('finds peers by node and by PeerId', () => {
    const book = new PeerBook()
    book.replace('server', [peer('edge-1', 'one'), peer('edge-2', 'two')])

    expect(book.byNode(nameOf('edge-2'))).toEqual(peer('edge-2', 'two'))
    expect(book.byPeerId('one')).toEqual(peer('edge-1', 'one'))
    expect(book.size).toBe(2)
  })

  it('forgets a peer only when no server vouches for it any more', () => {
    const removed: string[] = []
    const book = new PeerBook((peerId) => removed.push(peerId))
    book.replace('server-1', [peer('edge-1', 'one'), peer('edge-2', 'two')])
    book.replace('server-2', [peer('edge-1', 'one')])

    book.remove('server-1', 'one')
    expect(book.byPeerId('one')).toBeDefined()
    book.replace('server-1', [])
    book.remove('server-2', 'one')

    expect(removed).toEqual(['two', 'one'])
    expect(book.byNode(nameOf('edge-1'))).toBeUndefined()
  })

  it('lets the newest key speak for a node', () => {
    const book = new PeerBook()
    book.set('server', peer('edge-1', 'old'))
    book.set('server', peer('edge-1', 'new'))
    book.remove('server', 'old')

    expect(book.byNode(nameOf('edge-1'))?.peerId).toBe('new')
  })

  it('believes the server that spoke last about a node', () => {
    const book = new PeerBook()
    book.replace('server-1', [peer('edge-1', 'old')])
    book.replace('server-2', [peer('edge-1', 'old')])
    // The first one went away, so it never says that the node has another key now.
    book.remove('server-2', 'old')
    book.set('server-2', peer('edge-1', 'new'))

    expect(book.byNode(nameOf('edge-1'))?.peerId).toBe('new')
  })

  it('waits for the word about an unknown peer', async () => {
    const book = new PeerBook()
    const waiting = book.waitFor('one', 60_000)
    book.set('server', peer('edge-1', 'one'))

    expect(await waiting).toEqual(peer('edge-1', 'one'))
    expect(await book.waitFor('stranger', 1)).toBeUndefined()
  })
})
