import type { Connection } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { closeConnection } from '../../host/connections.ts'
import type { Host } from '../../host/host.ts'
import { InterfaceReader } from '../own-reach/interfaces.ts'
import { race } from '../paths/attempts/race.ts'
import { readDefaultRoutes } from './default-routes.ts'
import { otherUplinks } from './other-uplinks.ts'

/** How long each way is tried alone: a lost first segment of TCP comes again after 1 s. */
const HEAD_START_MS = 1_500

interface UplinkDialOptions {
  readonly signal: AbortSignal
  /** As of `DialWay`. */
  readonly reached?: () => void
  readonly uplinks?: () => readonly string[]
}

/**
 * Dials by the way that the kernel takes and, where nobody answers by that, from the addresses of this host's other uplinks.
 * A link that fails without losing its carrier keeps its default route, so only this finds another way out.
 *
 * The kernel takes the way of a source address only where the host has rules for that (`ip rule add from <address> …`). Elsewhere
 * those attempts leave by the same dead link, and do nothing.
 *
 * @throws what the first way failed with, when all have; also when the signal aborts
 */
export async function dialByAnyUplink(
  host: Pick<Host, 'dial'>,
  address: Multiaddr,
  { signal, reached, uplinks = currentUplinks }: UplinkDialOptions,
): Promise<Connection> {
  const others = uplinks()
  if (others.length === 0) return await host.dial(address, signal, { reached })
  const lost = new AbortController()
  const both = AbortSignal.any([signal, lost.signal])
  const ways = [undefined, ...others].map((localAddress) => ({
    headStartMs: HEAD_START_MS,
    run: async (): Promise<Connection> => {
      const connection = await host.dial(address, both, { localAddress, reached })
      // Another one has won meanwhile.
      if (lost.signal.aborted) await closeConnection(connection)
      return connection
    },
  }))
  try {
    return await race(ways)
  } catch (error) {
    throw error instanceof AggregateError ? error.errors[0] : error
  } finally {
    lost.abort(new Error('another way was quicker'))
  }
}

function currentUplinks(): readonly string[] {
  return otherUplinks(readDefaultRoutes(), new InterfaceReader().read())
}
