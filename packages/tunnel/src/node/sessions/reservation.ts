import type { Connection } from '@libp2p/interface'
import type { AgentHost } from '../../host/host.ts'

/** From this round-trip time on, the reservation is asked for without waiting for the welcome. */
const FAR_MS = 50

/**
 * A reservation at a relay that has just been told hello. Where round trips are long, it is asked for along with that: two of
 * them are saved. The server reads the hello first, but may be slow to judge it, and refuses then.
 *
 * @returns what has to be awaited once this node is welcome
 */
export function reservationAt(
  { remotePeer }: Pick<Connection, 'remotePeer'>,
  { host, rttMs = 0 }: { readonly host: Pick<AgentHost, 'reserve'>; readonly rttMs: number | undefined },
): () => Promise<void> {
  const reserve = (): Promise<void> => host.reserve(remotePeer)
  if (rttMs < FAR_MS) return reserve
  const early = reserve()
  // Looked at when the welcome has come.
  early.catch(() => {})
  return () => early.catch(reserve)
}
