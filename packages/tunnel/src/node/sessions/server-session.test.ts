import { FakeComponentDeps } from '@edgeway/testbed'
import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createTunnelMetrics } from '../../metrics.ts'
import { ServerClaims } from './server-claims.ts'
import { ServerSession, type ServerSessionDeps } from './server-session.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** To a server that accepts and says nothing; `dials` counts the attempts. */
function silentSession(joinTimeoutMs: number): { session: ServerSession; dials: () => number } {
  const { logger, metrics } = new FakeComponentDeps()
  let dials = 0
  const host = {
    dial: (_: unknown, signal: AbortSignal) => {
      dials++
      return new Promise<Connection>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    },
  }
  const deps = {
    ...{ host, logger, joinTimeoutMs, metrics: createTunnelMetrics(metrics) },
    ...{ claims: new ServerClaims(), changed: () => {}, rtt: () => undefined },
  } as unknown as ServerSessionDeps
  return { session: new ServerSession(multiaddr('/dns4/server/tcp/1'), deps), dials: () => dials }
}

it('an attempt goes on while the addresses of the node change all the time', async () => {
  const { session, dials } = silentSession(60_000)
  for (let second = 0; second < 20; second++) {
    await vi.advanceTimersByTimeAsync(1_100)
    session.wake()
  }
  expect(dials()).toBe(2)
  await session[Symbol.asyncDispose]()
})
