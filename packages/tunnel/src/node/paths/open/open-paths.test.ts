import type { Connection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it } from 'vitest'
import { unreachedPeer } from '../../../../test/unreached-peer.ts'
import { OpenPaths } from './open-paths.ts'

const PEER_ID = '12D3KooWLqLxEfJ9nDdEe8Kh8PFvNPQRYDQBwyL7CMM7HhVd5LsX'
const RELAY = '12D3KooWRw48BNE3xLFTAZ64JHV2Pm6dAt32PYadh6zriuC14Lxb'
const PEER = unreachedPeer(PEER_ID)

function circuit(): Connection {
  const remoteAddr = multiaddr(`/ip4/192.0.2.1/tcp/1/p2p/${RELAY}/p2p-circuit/p2p/${PEER_ID}`)
  return { status: 'open', direct: false, remoteAddr, maConn: {} } as unknown as Connection
}

it('a chosen path that can not be used any more stays to be seen, and others like it do not', () => {
  const [chosen, other, good] = [circuit(), circuit(), circuit()]
  const paths = new OpenPaths({
    node: { getConnections: () => [chosen, other, good] },
    liveness: { isSuspect: (connection) => connection !== good },
    hedge: { isOverdue: () => false },
    samples: { rttMs: () => undefined, isMeasured: () => false, lossShare: () => undefined },
    spare: { isSpare: () => false },
    ways: { relays: () => [] },
  })

  const seen = paths.choosable(PEER, chosen).map(({ id, condition }) => [id, condition])
  expect(seen).toEqual([
    [good, 'good'],
    [chosen, 'silent'],
  ])
})
