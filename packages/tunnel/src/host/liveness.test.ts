import type { Connection, PeerId } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AGENT_LIVENESS } from './limits.ts'
import { Liveness } from './liveness.ts'
import type { TcpCounts } from './tcp-info.ts'

const RELAY = '12D3KooWRw48BNE3xLFTAZ64JHV2Pm6dAt32PYadh6zriuC14Lxb'
const PEER = '12D3KooWLqLxEfJ9nDdEe8Kh8PFvNPQRYDQBwyL7CMM7HhVd5LsX'

/** A connection as far as Liveness needs one; the other side answers questions only when told to. */
class TestConnection {
  aborted = false
  /** What the kernel knows; it has no TCP socket of its own unless given. */
  counts: TcpCounts | undefined
  asked = 0
  saidAlive = 0
  status = 'open'
  readonly direct: boolean
  readonly remotePeer: string
  readonly remoteAddr
  readonly maConn = Object.assign(new EventTarget(), { writableNeedsDrain: false })
  #answer: (() => void) | undefined
  readonly muxer = {
    createStream: () => {},
    ping: () => {
      this.asked++
      return new Promise<void>((resolve) => {
        this.#answer = resolve
      })
    },
    sendFrame: () => this.saidAlive++,
  }

  constructor(remotePeer: string, via?: string) {
    this.remotePeer = remotePeer
    this.direct = via === undefined
    this.remoteAddr = multiaddr(
      via === undefined
        ? `/ip4/1.2.3.4/tcp/1/p2p/${remotePeer}`
        : `/ip4/1.2.3.4/tcp/1/p2p/${via}/p2p-circuit/p2p/${remotePeer}`,
    )
  }

  abort(): void {
    this.aborted = true
  }

  receive(bytes: number): void {
    this.maConn.dispatchEvent(Object.assign(new Event('message'), { data: new Uint8Array(bytes) }))
  }

  async answer(): Promise<void> {
    this.receive(30)
    this.#answer?.()
    await vi.advanceTimersByTimeAsync(0)
  }
}

function watching(...connections: TestConnection[]): Liveness {
  const getConnections = (): Connection[] => connections.map(real)
  const read = (asked: Connection) => connections.find((each) => real(each) === asked)?.counts
  return new Liveness({ getConnections }, AGENT_LIVENESS, { read })
}

const real = (connection: TestConnection): Connection => connection as unknown as Connection

/** Looks at the connection for the first time, which measures its round trip. */
async function measured(connection: TestConnection, rttMs = 20): Promise<void> {
  await vi.advanceTimersByTimeAsync(AGENT_LIVENESS.tickMs)
  await vi.advanceTimersByTimeAsync(rttMs)
  await connection.answer()
}

/** Its other end acknowledges what is sent, and says nothing. */
async function acknowledging(connection: TestConnection, seconds: number): Promise<void> {
  for (let second = 1; second <= seconds; second++) {
    connection.counts = { ...{ sent: 1, sentAgain: 0 }, acknowledgedBytes: second, isAllAcknowledged: true }
    await vi.advanceTimersByTimeAsync(1_000)
  }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('a connection that goes silent', () => {
  it('while something is waited for is suspect within 2 s, and closed 2 s later', async () => {
    const connection = new TestConnection(PEER)
    using liveness = watching(connection)
    await measured(connection)
    await vi.advanceTimersByTimeAsync(10_000)
    const suspicion = liveness.suspicion(real(connection))
    liveness.expecting(real(connection))

    await vi.advanceTimersByTimeAsync(2_000)
    expect([liveness.isSuspect(real(connection)), suspicion.aborted]).toEqual([true, true])
    expect(connection.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(connection.aborted).toBe(true)
  })

  it('while an answer is awaited is suspect soon, also after other bytes came', async () => {
    const connection = new TestConnection(PEER)
    using liveness = watching(connection)
    await measured(connection)
    await vi.advanceTimersByTimeAsync(10_000)
    using _ = liveness.awaiting(real(connection))
    connection.receive(1)

    await vi.advanceTimersByTimeAsync(2_000)
    expect(liveness.isSuspect(real(connection))).toBe(true)
  })

  it('while nothing is waited for is closed after a question that has no answer', async () => {
    const connection = new TestConnection(PEER)
    using _ = watching(connection)
    await measured(connection)

    await vi.advanceTimersByTimeAsync(29_000)
    expect([connection.asked, connection.aborted]).toEqual([1, false])
    await vi.advanceTimersByTimeAsync(9_000)
    expect([connection.asked, connection.aborted]).toEqual([2, true])
  })

  it('while its other end acknowledges what is sent is suspect, is told that this one lives, and goes on', async () => {
    const connection = new TestConnection(PEER)
    using liveness = watching(connection)
    await measured(connection)
    liveness.expecting(real(connection))
    await acknowledging(connection, 20)
    expect([liveness.isSuspect(real(connection)), connection.aborted]).toEqual([true, false])
    expect(connection.saidAlive).toBeGreaterThanOrEqual(17)

    await vi.advanceTimersByTimeAsync(4_000)
    expect(connection.aborted).toBe(true)
  })

  it('with bytes that the network does not take is closed, too', async () => {
    const connection = new TestConnection(PEER)
    using _ = watching(connection)
    await measured(connection)
    connection.maConn.writableNeedsDrain = true

    await vi.advanceTimersByTimeAsync(4_200)
    expect(connection.aborted).toBe(true)
  })

  it('makes what goes through it suspect, and is asked with it', async () => {
    const relay = new TestConnection(RELAY)
    const circuit = new TestConnection(PEER, RELAY)
    using liveness = watching(relay, circuit)
    await measured(relay)
    await circuit.answer()
    await vi.advanceTimersByTimeAsync(5_000)
    liveness.expecting(real(circuit))

    await vi.advanceTimersByTimeAsync(2_000)
    expect(relay.asked).toBe(2)
    expect(liveness.isSuspect(real(relay))).toBe(true)
    await circuit.answer()
    expect(liveness.isSuspect(real(circuit))).toBe(true)
  })

  it('leaves what goes through it the time to answer after it', async () => {
    const relay = new TestConnection(RELAY)
    const circuit = new TestConnection(PEER, RELAY)
    using liveness = watching(relay, circuit)
    await measured(relay)
    await circuit.answer()
    liveness.expecting(real(circuit))
    await acknowledging(relay, 20)
    relay.receive(100)
    await vi.advanceTimersByTimeAsync(2 * AGENT_LIVENESS.tickMs)
    expect([relay.aborted, circuit.aborted]).toEqual([false, false])

    await relay.answer()
    await circuit.answer()
    await vi.advanceTimersByTimeAsync(1_000)
    expect([liveness.isSuspect(real(circuit)), circuit.aborted]).toEqual([false, false])
  })
})

it('looks for the relay of a circuit among the connections to that relay, not among all', () => {
  const relay = new TestConnection(RELAY)
  const circuit = new TestConnection(PEER, RELAY)
  const node = {
    getConnections: (peer?: PeerId): Connection[] =>
      peer?.toString() === RELAY ? [real(relay)] : expect.fail('1,000 circuits ask for that all the time'),
  }
  using liveness = new Liveness(node, AGENT_LIVENESS, { read: () => undefined })

  expect(liveness.isSuspect(real(circuit))).toBe(false)
})

describe('a connection that lives', () => {
  it('is no longer suspect when bytes come', async () => {
    const connection = new TestConnection(PEER)
    using liveness = watching(connection)
    await measured(connection)
    liveness.expecting(real(connection))
    await vi.advanceTimersByTimeAsync(2_500)
    connection.receive(1)

    expect(liveness.isSuspect(real(connection))).toBe(false)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(connection.aborted).toBe(false)
  })

  it('is asked again and again while a stream waits, and not once nothing waits', async () => {
    const connection = new TestConnection(PEER)
    using liveness = watching(connection)
    await measured(connection)
    const stream = liveness.activity(real(connection))
    stream.sent(100)
    for (let second = 0; second < 5; second++) {
      await vi.advanceTimersByTimeAsync(1_200)
      await connection.answer()
    }
    expect(connection.asked).toBeGreaterThanOrEqual(5)

    stream.received()
    liveness.awaiting(real(connection))[Symbol.dispose]()
    const { asked } = connection
    await vi.advanceTimersByTimeAsync(10_000)
    expect(connection.asked).toBe(asked)
  })

  it('is not asked by whoever brings bytes all the time', async () => {
    const connection = new TestConnection(PEER)
    using _ = watching(connection)
    await measured(connection)
    for (let i = 0; i < 100; i++) {
      connection.receive(30)
      await vi.advanceTimersByTimeAsync(500)
    }
    expect(connection.asked).toBe(1)
  })

  it('has a smoothed round-trip time', async () => {
    const connection = new TestConnection(PEER)
    using liveness = watching(connection)
    await measured(connection, 80)

    expect(liveness.rtt(real(connection))).toBe(80)
  })
})

it('says once a second that it is there while it receives much, and not after an answer', async () => {
  const connection = new TestConnection(PEER)
  using _ = watching(connection)
  await measured(connection)
  await vi.advanceTimersByTimeAsync(5_000)
  expect(connection.saidAlive).toBe(0)

  for (let i = 0; i < 20; i++) {
    connection.receive(10_000)
    await vi.advanceTimersByTimeAsync(250)
  }
  expect(connection.saidAlive).toBeGreaterThanOrEqual(4)
  expect(connection.saidAlive).toBeLessThanOrEqual(6)
})

it('does not count the time in which the process did not run', async () => {
  const connection = new TestConnection(PEER)
  using liveness = watching(connection)
  await measured(connection)
  liveness.expecting(real(connection))
  await vi.advanceTimersByTimeAsync(1_000)
  // The clock goes on, and no timer fires: what came meanwhile has not been read.
  vi.setSystemTime(Date.now() + 60_000)
  vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_000)
  vi.advanceTimersToNextTimer()

  expect(connection.aborted).toBe(false)
  vi.restoreAllMocks()
})
