import type { NodeName } from '@edgeway/core'
import { UNKNOWN_NAT } from '../src/nat-type.ts'
import type { PeerPaths } from '../src/node/paths/ways/candidates.ts'

/** A peer that has told no way to itself; of node edge-2. */
export function unreachedPeer(peerId: string): PeerPaths {
  const node = 'edge-2' as NodeName
  return { peerId, node, lan: [], direct: [], egress: [], relays: [], nat: UNKNOWN_NAT }
}
