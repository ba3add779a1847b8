import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { IP_FAMILIES } from '@edgeway/core'
import { NetworkNamespace, uniqueLabId } from '@edgeway/testbed'
import type { StartCommand } from '../src/backend/nftables/nft-session.ts'
import type { RunCommand } from '../src/command/run-command.ts'
import { Station } from './lab/station.ts'
import type { Outcome, Server, Target } from './lab/station-protocol.ts'
import {
  ADDRESSES,
  CLUSTER_IPS,
  ENDPOINT_PORT,
  EVERYWHERE,
  LINKS,
  LISTENER_PORTS,
  type NamespaceName,
  PORT,
  SETUPS,
} from './lab/topology.ts'

/** Group of the agent, whose own connections no rule may touch. */
export const EXEMPT_GROUP_ID = 4_242

/** Who can call and serve: where it runs and, if it matters, with which group. */
const STATIONS = {
  pod: { in: 'pod' },
  secondPod: { in: 'pod2' },
  remotePod: { in: 'rpod' },
  /** A client that is neither pod nor node. */
  outside: { in: 'outside' },
  /** A process of the node's host network. */
  node: { in: 'node' },
  /** A process of the agent's group on the node, and one in the pod. */
  agent: { in: 'node', groupId: EXEMPT_GROUP_ID },
  agentsGroupInPod: { in: 'pod', groupId: EXEMPT_GROUP_ID },
  /** Where ClusterIPs that nobody intercepts end. */
  world: { in: 'world' },
} as const satisfies Readonly<Record<string, { readonly in: NamespaceName; readonly groupId?: number }>>

export type StationName = keyof typeof STATIONS

/** How many calls had which end: the name of who answered, or an error code. */
export type Tally = Readonly<Record<string, number>>

/**
 * A node with two pods on its bridge, another node with a pod (of two addresses) that it has a route to, and a client
 * outside, in namespaces. Each pod answers at port 8080 with its name, the listeners of the agent are up, and port 80
 * of every ClusterIP answers `world` behind the uplink, so that what nobody intercepted is seen as such.
 */
export class NodeLab implements AsyncDisposable {
  readonly stations: Readonly<Record<StationName, Station>>
  /** The node under test. */
  readonly node: NetworkNamespace
  readonly #stack: AsyncDisposableStack

  private constructor(
    node: NetworkNamespace,
    stations: Readonly<Record<StationName, Station>>,
    stack: AsyncDisposableStack,
  ) {
    this.node = node
    this.stations = stations
    this.#stack = stack
  }

  static async create(): Promise<NodeLab> {
    await using stack = new AsyncDisposableStack()
    const namespaces = await makeNamespaces(stack)
    const folder = await mkdtemp(join(tmpdir(), 'edgeway-lab-'))
    stack.defer(() => rm(folder, { recursive: true }))
    const names = Object.keys(STATIONS) as StationName[]
    const started = names.map(async (name): Promise<[StationName, Station]> => {
      const { in: where, ...group } = STATIONS[name]
      const station = await Station.start(namespaces[where], { path: `${folder}/${name}`, ...group })
      return [name, station]
    })
    const stations = Object.fromEntries(await Promise.all(started)) as Record<StationName, Station>
    stack.defer(() => {
      for (const station of Object.values(stations)) station.close()
    })
    await serveAll(stations)
    return new NodeLab(namespaces.node, stations, stack.move())
  }

  /** Runs a command of the proxier on the node. */
  readonly run: RunCommand = (command, input = '') => this.node.exec(command, { input })

  /** Starts a command of the proxier on the node. */
  readonly start: StartCommand = async (command) => {
    const child = spawn('ip', ['netns', 'exec', this.node.name, ...command])
    await once(child, 'spawn')
    return child
  }

  /** Runs shell commands on the node. */
  shell(script: string): Promise<string> {
    return shell(this.node, script)
  }

  /** Calls one time after the other, and says how many calls had which end. */
  async ask(from: StationName, target: Target, count = 1): Promise<Tally> {
    return tally(await this.stations[from].call(target, count))
  }

  /** Takes all rules, sets and connections from the node. */
  async reset(): Promise<void> {
    await Promise.all([this.shell(RESET), ...Object.values(this.stations).map((station) => station.hangUp())])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

/** How many of these calls had which end. */
export function tally(outcomes: readonly Outcome[]): Tally {
  const counts: Record<string, number> = {}
  for (const outcome of outcomes) {
    const end = 'name' in outcome ? outcome.name : outcome.error
    counts[end] = (counts[end] ?? 0) + 1
  }
  return counts
}

/** Legacy tables are looked at only where something has made them. */
const RESET = `
nft flush ruleset
for version in "" 6; do
  for table in $(cat /proc/net/ip\${version}_tables_names 2>/dev/null); do
    ip\${version}tables-legacy -w -t $table -F
    ip\${version}tables-legacy -w -t $table -X
  done
done
ipset destroy 2>/dev/null || true
conntrack -F 2>/dev/null
`

async function makeNamespaces(stack: AsyncDisposableStack): Promise<Record<NamespaceName, NetworkNamespace>> {
  const id = `px${uniqueLabId()}`
  const names = Object.keys(SETUPS) as NamespaceName[]
  const made = names.map(async (name): Promise<[NamespaceName, NetworkNamespace]> => {
    const namespace = stack.use(await NetworkNamespace.create(`${id}-${name}`))
    await shell(namespace, EVERYWHERE)
    return [name, namespace]
  })
  const namespaces = Object.fromEntries(await Promise.all(made)) as Record<NamespaceName, NetworkNamespace>
  for (const [near, device, far, peer] of LINKS)
    await shell(
      namespaces[near],
      `ip link add ${device} type veth peer name ${peer} netns ${namespaces[far].name}`,
    )
  await Promise.all(names.map((name) => shell(namespaces[name], SETUPS[name])))
  return namespaces
}

async function serveAll(stations: Readonly<Record<StationName, Station>>): Promise<void> {
  const world = CLUSTER_IPS.map((ip): Server => ({ name: 'world', ip, port: PORT }))
  const listeners = Object.entries(LISTENER_PORTS).flatMap(([name, port]) =>
    serversAt(name, ADDRESSES.agent, port),
  )
  await Promise.all([
    stations.pod.serve(...serversAt('pod', ADDRESSES.pod)),
    stations.secondPod.serve(
      ...serversAt('second pod', ADDRESSES.secondPod),
      ...serversAt('kube-proxy', ADDRESSES.secondPod, 9_999),
    ),
    stations.remotePod.serve(
      ...serversAt('remote pod', ADDRESSES.remotePod),
      ...serversAt('other remote pod', ADDRESSES.otherRemotePod),
    ),
    stations.agent.serve(...listeners),
    stations.world.serve(...world),
  ])
}

function serversAt(
  name: string,
  addresses: Readonly<Record<(typeof IP_FAMILIES)[number], string>>,
  port = ENDPOINT_PORT,
): Server[] {
  return IP_FAMILIES.map((family) => ({ name, ip: addresses[family], port }))
}

async function shell(where: NetworkNamespace, script: string): Promise<string> {
  const { code, stdout, stderr } = await where.exec(['sh', '-euc', script])
  if (code !== 0) throw new Error(`"${script.trim()}" failed: ${stderr}`)
  return stdout
}
