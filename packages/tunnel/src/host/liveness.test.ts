import type { Connection } from '@libp2p/interface'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Liveness } from './liveness.ts'

const OPTIONS = { intervalMs: 1_000, timeoutMs: 3_000 }

/** A connection whose streams never open, as far as Liveness needs one. */
function silentConnection(remoteAddr: string): Connection & { aborted: boolean; asked: number } {
  const self = {
    aborted: false,
    asked: 0,
    remotePeer: 'relay',
    remoteAddr,
    newStream: (_protocol: string, { signal }: { signal: AbortSignal }) => {
      self.asked++
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    },
    abort: () => {
      self.aborted = true
    },
  }
  return self as unknown as Connection & { aborted: boolean; asked: number }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('closes a connection that is silent and does not answer', async () => {
  const connection = silentConnection('/ip4/1.2.3.4/tcp/1')
  using _ = new Liveness({ getConnections: () => [connection] }, OPTIONS)

  await vi.advanceTimersByTimeAsync(3_900)
  expect(connection.aborted).toBe(false)
  await vi.advanceTimersByTimeAsync(200)
  expect(connection.aborted).toBe(true)
})

it('asks nothing of a connection that brings bytes', async () => {
  const connection = silentConnection('/ip4/1.2.3.4/tcp/1')
  using liveness = new Liveness({ getConnections: () => [connection] }, OPTIONS)
  for (let i = 0; i < 20; i++) {
    liveness.seen(connection)
    await vi.advanceTimersByTimeAsync(500)
  }

  expect(connection.asked).toBe(0)
})

it('takes bytes for an answer that is late, also bytes of a circuit through the connection', async () => {
  const relay = silentConnection('/ip4/1.2.3.4/tcp/1/p2p/relay')
  const circuit = silentConnection('/ip4/1.2.3.4/tcp/1/p2p/relay/p2p-circuit/p2p/other')
  using liveness = new Liveness({ getConnections: () => [relay, circuit] }, OPTIONS)
  for (let i = 0; i < 20; i++) {
    await vi.advanceTimersByTimeAsync(1_500)
    liveness.seen(circuit)
  }

  expect(relay.asked).toBeGreaterThan(0)
  expect(relay.aborted).toBe(false)
})
