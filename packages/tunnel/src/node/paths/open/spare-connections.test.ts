import type { Connection, MessageStream, PeerId } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { markPunched } from '../../../host/connection-parts.ts'
import { SpareConnections } from './spare-connections.ts'

class TestConnection {
  status = 'open'
  streams: object[] = []
  readonly timeline: { open: number }
  readonly direction: string
  readonly direct: boolean
  readonly remotePeer: string
  readonly remoteAddr: Multiaddr
  readonly maConn = new EventTarget()

  constructor(
    remotePeer: string,
    path: 'lan' | 'direct' | 'punched' | 'relayed',
    { open = 0, direction = 'outbound' } = {},
  ) {
    this.timeline = { open }
    this.direction = direction
    this.remotePeer = remotePeer
    this.direct = path !== 'relayed'
    this.remoteAddr = multiaddr(path === 'lan' ? '/ip4/192.168.1.11/tcp/20008' : '/ip4/45.80.0.9/tcp/20008')
    if (path === 'punched') markPunched(this.maConn as unknown as MessageStream)
  }

  async close(): Promise<void> {
    this.status = 'closed'
  }
}

function sparing(...connections: TestConnection[]): SpareConnections {
  return sparingAt('edge-1', ...connections)
}

function sparingAt(self: string, ...connections: TestConnection[]): SpareConnections {
  const getConnections = (): Connection[] => connections as unknown as Connection[]
  return new SpareConnections({ getConnections, peerId: self as unknown as PeerId })
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('closes an avoided connection as soon as its streams have ended', () => {
  const connection = new TestConnection('edge-2', 'direct')
  connection.streams.push({})
  using spare = sparing(connection)
  spare.add(connection as unknown as Connection)
  vi.advanceTimersByTime(5_000)
  expect(connection.status).toBe('open')

  connection.streams.length = 0
  vi.advanceTimersByTime(1_000)
  expect(connection.status).toBe('closed')
})

it('keeps a relayed connection for a while beside a direct one, and as long as there is something on it', () => {
  const relayed = new TestConnection('edge-2', 'relayed')
  relayed.streams.push({})
  const direct = new TestConnection('edge-2', 'direct')
  using _ = sparing(relayed, direct)
  vi.advanceTimersByTime(60_000)
  relayed.streams.length = 0
  vi.advanceTimersByTime(29_000)
  expect(relayed.status).toBe('open')

  vi.advanceTimersByTime(3_000)
  expect([relayed.status, direct.status]).toEqual(['closed', 'open'])
})

it('keeps the newest of several relayed connections, and the only one to another peer', () => {
  const [old, recent, other] = ['edge-2', 'edge-2', 'edge-3'].map(
    (peer) => new TestConnection(peer, 'relayed'),
  )
  if (old === undefined || recent === undefined || other === undefined) throw new Error('no connections')
  using _ = sparing(old, recent, other)
  vi.advanceTimersByTime(35_000)

  expect([old, recent, other].map(({ status }) => status)).toEqual(['closed', 'open', 'open'])
})

it('keeps one of the direct connections that several addresses led to', () => {
  const connections = [0, 10, 20].map((open) => new TestConnection('edge-2', 'direct', { open }))
  using _ = sparing(...connections)
  vi.advanceTimersByTime(35_000)

  expect(connections.map(({ status }) => status)).toEqual(['closed', 'closed', 'open'])
})

it.each(['direct', 'relayed'] as const)(
  'both sides keep the same one of %s connections that they opened together',
  (path) => {
    const kept = (['edge-1', 'edge-2'] as const).map((self) => {
      const other = self === 'edge-1' ? 'edge-2' : 'edge-1'
      const own = new TestConnection(other, path, { direction: 'outbound' })
      const theirs = new TestConnection(other, path, { open: 10, direction: 'inbound' })
      // Each side is told of its own one last.
      using _ = sparingAt(self, theirs, own)
      vi.advanceTimersByTime(35_000)
      expect([own.status, theirs.status].toSorted()).toEqual(['closed', 'open'])
      return own.status === 'open' ? self : other
    })
    expect(new Set(kept).size).toBe(1)
  },
)

it.each([
  ['lan', 'direct'],
  ['lan', 'punched'],
  ['direct', 'punched'],
  ['punched', 'relayed'],
] as const)('keeps %s, not %s, whichever is newer', (better, worse) => {
  for (const [first, second] of [
    [better, worse],
    [worse, better],
  ] as const) {
    const connections = [
      new TestConnection('edge-2', first),
      new TestConnection('edge-2', second, { open: 20_000 }),
    ]
    using _ = sparing(...connections)
    vi.advanceTimersByTime(35_000)
    expect(connections.map(({ status }) => status)).toEqual(
      first === better ? ['open', 'closed'] : ['closed', 'open'],
    )
  }
})

it('keeps a spare one for as long as the other side uses it, and then for a while', () => {
  const punched = new TestConnection('edge-2', 'punched')
  const relayed = new TestConnection('edge-2', 'relayed')
  using spare = sparing(punched, relayed)
  for (let calls = 0; calls < 10; calls++) {
    vi.advanceTimersByTime(20_000)
    spare.used(relayed as unknown as Connection)
  }
  expect(relayed.status).toBe('open')

  vi.advanceTimersByTime(32_000)
  expect([punched.status, relayed.status]).toEqual(['open', 'closed'])
})

it('leaves the choice between connections that the other side opened together to that side', () => {
  const connections = [0, 10].map(
    (open) => new TestConnection('edge-2', 'direct', { open, direction: 'inbound' }),
  )
  using _ = sparing(...connections)
  vi.advanceTimersByTime(60_000)

  expect(connections.map(({ status }) => status)).toEqual(['open', 'open'])
})
