import type { Connection } from '@libp2p/interface'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { SpareConnections } from './spare-connections.ts'

class TestConnection {
  status = 'open'
  streams: object[] = []
  readonly direct: boolean
  readonly remotePeer: string

  constructor(remotePeer: string, path: 'direct' | 'relayed') {
    this.remotePeer = remotePeer
    this.direct = path === 'direct'
  }

  async close(): Promise<void> {
    this.status = 'closed'
  }
}

function sparing(...connections: TestConnection[]): SpareConnections {
  return new SpareConnections({ getConnections: () => connections as unknown as Connection[] })
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
