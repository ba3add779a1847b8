import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { Mapping, NatFiltering, NatType } from '../../nat-type.ts'
import { cutSocket } from '../../sockets.ts'
import { abortable } from '../abortable.ts'
import { type OpenReflection, openReflection, type ReflectorAddress } from './reflect.ts'

export interface FoundNat {
  readonly type: NatType
  /** Of some port of this host, as a reflector saw it. */
  readonly mapping: Mapping
  /** Those that have answered. */
  readonly answered: readonly ReflectorAddress[]
}

/** For a reflector to call back and say so: it has 2 s for the call, and the question and the answer may be lost twice. */
const CALL_BACK_MS = 8_000
/** A call that got in is seen here that long after the reflector has said so, at the latest. */
const ARRIVAL_MS = 3_000
/** One is expected; anybody else may come by. */
const MAX_ARRIVALS = 8

/**
 * Finds out by reflectors what all NATs and firewalls before this host do.
 *
 * @throws {NoReflectorError} when none answers. Rejects with the signal's reason when that aborts first.
 */
export async function findNatType(
  reflectors: readonly ReflectorAddress[],
  signal: AbortSignal,
): Promise<FoundNat> {
  using reflection = await openReflection(reflectors, signal)
  const filtering = await filteringOf(reflection, signal)
  signal.throwIfAborted()
  const { natMapping, mapping, answered } = reflection
  return { type: { mapping: natMapping, filtering }, mapping, answered }
}

/** Listens where a reflector is asked to connect to. Connections that were made from the port before do not mind. */
async function filteringOf(reflection: OpenReflection, signal: AbortSignal): Promise<NatFiltering> {
  const arrived = Promise.withResolvers<void>()
  // They stay until the outcome is there: one that is reset at once looks refused from the other side.
  const arrivals: Socket[] = []
  const server = createServer((socket) => {
    arrivals.push(socket.on('error', () => {}))
    arrived.resolve()
  })
  server.maxConnections = MAX_ARRIVALS
  try {
    await listen(server, reflection)
    const outcome = await reflection.callBack(AbortSignal.any([signal, AbortSignal.timeout(CALL_BACK_MS)]))
    if (outcome === 'timeout') return 'drop'
    if (outcome === 'refused') return 'reject'
    // Somebody else may have taken it: what a router sends to another host is as good as refused.
    return (await hasCome(arrived.promise, signal)) ? 'open' : 'reject'
  } catch {
    // The reflector has gone, or the port can't be listened on.
    return 'unknown'
  } finally {
    server.close()
    for (const socket of arrivals) cutSocket(socket)
  }
}

async function hasCome(arrival: Promise<void>, signal: AbortSignal): Promise<boolean> {
  try {
    await abortable(arrival, AbortSignal.any([signal, AbortSignal.timeout(ARRIVAL_MS)]))
    return true
  } catch {
    return false
  }
}

async function listen(server: Server, { localPort, localHost }: OpenReflection): Promise<void> {
  server.listen({ port: localPort, host: localHost, ipv6Only: true })
  await once(server, 'listening')
  server.on('error', () => {})
}
