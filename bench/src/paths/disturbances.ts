import type { LabHost } from '@edgeway/testbed'
import { mustExec } from '../probes/must-exec.ts'
import { CALLER, FAR, NEIGHBOUR, type Peer, type ThreeNodesScene } from './three-nodes-scene.ts'

/** Something that is done to a path while calls go by it. */
export interface Disturbance {
  readonly name: string
  readonly peer: Peer
  /** Whether the path dies of it; a path that need not care stays. */
  readonly isDeadly: boolean
  apply(scene: ThreeNodesScene): Promise<unknown>
  /** Until then the path can't be there again. */
  readonly isUntilUndone: boolean
  undo(scene: ThreeNodesScene): Promise<unknown>
}

const TABLE = 'bench_cut'

/** What the path is made of, so that relayed connections stay. */
const LAN_CUT: Disturbance = {
  name: 'lan path cut silently',
  peer: NEIGHBOUR,
  isDeadly: true,
  isUntilUndone: true,
  apply: ({ mesh }) => cut(mesh.lab.node(NEIGHBOUR.node), CALLER.address),
  undo: ({ mesh }) => mend(mesh.lab.node(NEIGHBOUR.node)),
}

const PUNCHED_CUT: Disturbance = {
  name: 'punched path cut silently',
  peer: FAR,
  isDeadly: true,
  isUntilUndone: true,
  apply: ({ mesh }) => cut(mesh.lab.router(FAR.site), mesh.lab.router(CALLER.site).address),
  undo: ({ mesh }) => mend(mesh.lab.router(FAR.site)),
}

const RELAYS_KILLED: Disturbance = {
  name: 'relays killed beside a punched path',
  peer: FAR,
  isDeadly: false,
  isUntilUndone: false,
  apply: ({ mesh }) => Promise.all(mesh.servers.map((server) => server.kill())),
  async undo(scene) {
    const { servers, agents } = scene.mesh
    await Promise.all(servers.map((server) => server.start()))
    for (const agent of agents) await scene.untilJoined(agent)
  },
}

/** In the order in which they are done. */
export const DISTURBANCES: readonly Disturbance[] = [
  LAN_CUT,
  PUNCHED_CUT,
  RELAYS_KILLED,
  anotherAddress(NEIGHBOUR),
  anotherAddress(FAR),
]

function anotherAddress(peer: Peer): Disturbance {
  const [usual, other] = peer.addresses
  return {
    name: `another address, ${peer.path} path`,
    peer,
    isDeadly: true,
    isUntilUndone: false,
    apply: ({ mesh }) => mesh.lab.changeAddress(peer.node, other),
    undo: ({ mesh }) => mesh.lab.changeAddress(peer.node, usual),
  }
}

/** Drops all between a host, or what it forwards, and an address, before connection tracking sees it. */
async function cut(host: LabHost, address: string): Promise<void> {
  const chains = ['prerouting', 'output', 'postrouting'].map(
    (hook) => `
  chain ${hook} {
    type filter hook ${hook} priority -350;
    ip saddr ${address} drop
    ip daddr ${address} drop
  }`,
  )
  await mustExec(host, ['nft', `table ip ${TABLE} {${chains.join('')}\n}`])
}

async function mend(host: LabHost): Promise<void> {
  await mustExec(host, ['nft', 'delete', 'table', 'ip', TABLE])
}
