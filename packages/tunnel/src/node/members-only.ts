import { type Logger, limitedWarn } from '@edgeway/core'
import type { ConnectionGater, PeerId } from '@libp2p/interface'
import type { TunnelMetrics } from '../metrics.ts'
import type { PeerBook } from '../peer-book.ts'

export interface MembersOnlyDeps {
  readonly book: PeerBook
  readonly metrics: TunnelMetrics
  readonly logger: Logger
  /** How long an unknown peer waits: it may have joined just now, and the registry's word is still under way. */
  readonly unknownPeerWaitMs: number
}

/** Lets in only peers that a tunnel server vouches for, whatever path they come on. */
export function membersOnly({ book, metrics, logger, unknownPeerWaitMs }: MembersOnlyDeps): ConnectionGater {
  const warn = limitedWarn(logger)
  const isStranger = async (peerId: PeerId, path: 'direct' | 'relayed'): Promise<boolean> => {
    const peer = peerId.toString()
    if ((await book.waitFor(peer, unknownPeerWaitMs)) !== undefined) return false
    metrics.refusedPeers.add({ reason: 'unknown' })
    warn('refused a connection of a peer that no tunnel server knows', { peer, path })
    return true
  }
  return {
    denyInboundEncryptedConnection: (peerId) => isStranger(peerId, 'direct'),
    denyInboundRelayedConnection: (_relay, peerId) => isStranger(peerId, 'relayed'),
  }
}
