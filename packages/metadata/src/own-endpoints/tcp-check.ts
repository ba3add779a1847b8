import { once } from 'node:events'
import { connect } from 'node:net'
import { type CheckResult, resultOfFailure } from './health.ts'

export interface TcpTarget {
  /** Canonical text, IPv4 or IPv6. */
  readonly ip: string
  readonly port: number
}

/** Connects and hangs up. Rejects with the system's error, or for whatever reason when `signal` aborts. */
export type Connect = (target: TcpTarget, signal: AbortSignal) => Promise<void>

export interface CheckLimits {
  readonly connectTimeoutMs: number
  /** Sockets in use at any time. */
  readonly maxConcurrentChecks: number
}

export async function connectTcp({ ip, port }: TcpTarget, signal: AbortSignal): Promise<void> {
  const socket = connect({ host: ip, port, signal })
  try {
    await once(socket, 'connect')
  } finally {
    // An ordinary end: a reset would be an error to the server.
    socket.destroy()
  }
}

/** How to connect, and when to stop. */
interface Means {
  readonly connect: Connect
  readonly stop: AbortSignal
}

/**
 * Connects to each target once.
 *
 * @returns what it told, by the keys of the targets; `untold` for all that is not done when `stop` aborts
 */
export async function checkTargets(
  targets: ReadonlyMap<string, TcpTarget>,
  { connectTimeoutMs, maxConcurrentChecks }: CheckLimits,
  means: Means,
): Promise<Map<string, CheckResult>> {
  const results = new Map<string, CheckResult>()
  const queue = targets.entries()
  const work = async (): Promise<void> => {
    // All take from the same iterator.
    for (const [key, target] of queue)
      results.set(key, means.stop.aborted ? 'untold' : await checkTarget(target, connectTimeoutMs, means))
  }
  await Promise.all(Array.from({ length: Math.min(maxConcurrentChecks, targets.size) }, work))
  return results
}

async function checkTarget(
  target: TcpTarget,
  timeoutMs: number,
  { connect, stop }: Means,
): Promise<CheckResult> {
  const limit = new AbortController()
  const abort = (): void => limit.abort()
  stop.addEventListener('abort', abort, { once: true })
  // When this process was held up itself, an answer may be waiting to be read: that comes before the time limit.
  const timer = setTimeout(() => setImmediate(abort), timeoutMs)
  try {
    await connect(target, limit.signal)
    return 'accepted'
  } catch (error) {
    if (stop.aborted) return 'untold'
    return limit.signal.aborted ? 'silent' : resultOfFailure(error)
  } finally {
    clearTimeout(timer)
    stop.removeEventListener('abort', abort)
  }
}
