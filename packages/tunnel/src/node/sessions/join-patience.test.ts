import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { JoinPatience } from './join-patience.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const NEVER = new AbortController().signal
const connection = {
  maConn: {
    addEventListener: () => {},
    removeEventListener: () => {},
    writableNeedsDrain: false,
  },
} as unknown as Connection

/** Of a server that answers TCP after `reachedMs`, if ever, and says nothing then. */
function patienceWith(reachedMs: number, joinTimeoutMs = 5_000): JoinPatience {
  const dial = (
    _: unknown,
    { signal, reached }: { signal: AbortSignal; reached(): void },
  ): Promise<Connection> => {
    if (Number.isFinite(reachedMs)) setTimeout(reached, reachedMs)
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
    })
  }
  return new JoinPatience({ dial, joinTimeoutMs, rtt: () => undefined })
}

/** After how long it was given up, and why. */
async function givesUp(attempt: Promise<unknown>): Promise<{ afterMs: number; code: unknown }> {
  const startedAt = performance.now()
  const ended = attempt.then(
    () => ({}),
    (error: unknown) => error as { code?: string; name: string },
  )
  let afterMs = Number.NaN
  void ended.then(() => (afterMs = performance.now() - startedAt))
  await vi.advanceTimersByTimeAsync(1_000_000)
  const error = await ended
  return { afterMs, code: 'code' in error && typeof error.code === 'string' ? error.code : error }
}

const IP = multiaddr('/ip4/45.80.0.10/tcp/20006')

describe('how long a tunnel server is waited for', () => {
  it('is 2 s where nothing answers at its address, and 4 s in the end', async () => {
    const patience = patienceWith(Number.POSITIVE_INFINITY)
    const took: number[] = []
    for (let attempt = 0; attempt < 6; attempt++) {
      const { afterMs, code } = await givesUp(patience.dial(IP, NEVER))
      expect(code).toBe('ERR_UNREACHED')
      patience.learn(Object.assign(new Error(), { name: 'TimeoutError' }))
      took.push(afterMs)
    }
    expect(took).toEqual([2_000, 3_000, 4_000, 4_000, 4_000, 4_000])
  })

  it('is at least what was configured where its name has to be looked up', async () => {
    const { afterMs } = await givesUp(
      patienceWith(Number.POSITIVE_INFINITY).dial(multiaddr('/dns4/server/tcp/1'), NEVER),
    )
    expect(afterMs).toBe(5_000)
  })

  it('is at least what was configured once it has answered, and more the longer that took', async () => {
    expect((await givesUp(patienceWith(10).dial(IP, NEVER))).afterMs).toBe(10 + 5_000)
    expect((await givesUp(patienceWith(1_500).dial(IP, NEVER))).afterMs).toBeGreaterThan(15_000)
  })

  it('goes by the handshake of TCP as long as the round trip is not measured', async () => {
    const patience = patienceWith(1_500)
    await givesUp(patience.dial(IP, NEVER))
    const silent = (signal: AbortSignal): Promise<never> =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const { afterMs } = await givesUp(patience.during(connection, { roundTrips: 1, signal: NEVER }, silent))
    expect(patience.rtt(connection)).toBe(1_500)
    expect(afterMs).toBe(1_500 + 3 * 4_500)
  })

  it('ends with the attempt', async () => {
    const ending = new AbortController()
    const dialling = patienceWith(10).dial(IP, ending.signal)
    ending.abort(new Error('over'))
    await expect(dialling).rejects.toThrow('over')
  })
})
