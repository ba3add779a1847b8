import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { LabHost, LabProcess, MeshProcess } from '@edgeway/testbed'
import { makeServices, untilInEffect } from '../many-services.ts'
import { residentBytes } from '../memory.ts'
import type { Scene, Ways } from '../scene.ts'
import { askOnce } from './dnsperf.ts'
import { clusterNames, externalNames, type NamedAddresses, queriesOf } from './names.ts'
import { type PeerPlan, startDnsmasq, startInternet, startUnbound } from './peers.ts'

export const SERVICES = 10_000

/** Where agents answer DNS on every node. */
const AGENT_ADDRESS = '169.254.96.16'
/** Without the lab's own, which would have the agent list all Services every few seconds, and do little else. */
const USUAL_PERIODS = {}

/** Memory is looked at once a server has had that long to come to rest. */
const REST_MS = 10_000

type ServerName = 'edgeway' | 'dnsmasq' | 'unbound'

/** Resident memory by server, in bytes. */
export type Memory = Readonly<Record<ServerName, number>>

interface Servers {
  readonly agent: MeshProcess
  readonly dnsmasq: LabProcess
  readonly unbound: LabProcess
}

/** Three DNS servers on the client's node, which know the same names and ask the same upstream. */
export class DnsScene {
  readonly client: LabHost
  readonly ways: Ways
  /** Files of dnsperf's input. */
  readonly queries: { readonly cluster: string; readonly external: string }
  /** Of the agent and its peers without the Services, and with them after each name was asked for. */
  readonly memory: { readonly empty: Memory; readonly full: Memory }

  private constructor(parts: Pick<DnsScene, 'client' | 'ways' | 'queries' | 'memory'>) {
    this.client = parts.client
    this.ways = parts.ways
    this.queries = parts.queries
    this.memory = parts.memory
  }

  static async start(scene: Scene, onStep: (step: string) => void): Promise<DnsScene> {
    const { mesh } = scene
    const { lab } = mesh
    const [client, internet] = [lab.pod('client'), lab.node('resolver')]
    await startInternet(lab, internet, externalNames())
    onStep('memory without Services')
    const before = await startServers(scene, { names: new Map() })
    await delay(REST_MS)
    const empty = await memoryOf(before)
    await Promise.all([before.dnsmasq, before.unbound].map((peer) => peer[Symbol.asyncDispose]()))

    onStep(`${SERVICES} Services`)
    await makeServices(mesh, { from: 0, to: SERVICES, node: 'edge-2' })
    await untilInEffect(mesh, 'edge-1', SERVICES)
    const names = clusterNames(SERVICES)
    const servers = await startServers(scene, { names, metadata: USUAL_PERIODS })
    await untilInEffect(mesh, 'edge-1', SERVICES)
    const ways = waysTo(servers, lab.node('edge-1'))
    const queries = {
      cluster: await written(lab.logFolder, 'cluster', names),
      external: await written(lab.logFolder, 'external', externalNames()),
    }
    for (const { ip } of [ways.ours, ...ways.references])
      for (const file of Object.values(queries)) await askOnce(client, ip, file)
    await delay(REST_MS)
    return new DnsScene({ client, ways, queries, memory: { empty, full: await memoryOf(servers) } })
  }
}

interface ServersPlan {
  /** Of the peers; the agent has the cluster's. */
  readonly names: NamedAddresses
  /** The agent's section of that name; the lab's unless given. */
  readonly metadata?: object
}

/** The agent anew, as what former steps left behind is not its own; and its peers. */
async function startServers({ mesh }: Scene, { names, metadata }: ServersPlan): Promise<Servers> {
  const { lab } = mesh
  const node = lab.node('edge-1')
  const upstream = lab.node('resolver').address
  const plan = (address = ''): PeerPlan => ({ address, names, upstream })
  const agent = mesh.agent('edge-1')
  await agent.stop()
  // One client asks all.
  const dns = { upstreams: [upstream], responsesPerSecondPerClient: 0 }
  await agent.start({ config: metadata === undefined ? { dns } : { dns, metadata } })
  await agent.whenReady()
  return {
    agent,
    dnsmasq: await startDnsmasq(lab, node, plan(node.innerAddress)),
    unbound: await startUnbound(lab, node, plan(node.address)),
  }
}

function waysTo({ agent, dnsmasq, unbound }: Servers, node: LabHost): Ways {
  return {
    ours: { name: 'edgeway', ip: AGENT_ADDRESS, pids: [agent.pid] },
    references: [
      { name: 'dnsmasq', ip: node.innerAddress ?? '', pids: [dnsmasq.pid] },
      { name: 'unbound', ip: node.address, pids: [unbound.pid] },
    ],
  }
}

async function memoryOf({ agent, dnsmasq, unbound }: Servers): Promise<Memory> {
  return {
    edgeway: await residentBytes(agent.pid),
    dnsmasq: await residentBytes(dnsmasq.pid),
    unbound: await residentBytes(unbound.pid),
  }
}

async function written(folder: string, name: string, names: NamedAddresses): Promise<string> {
  const file = join(folder, `${name}.queries`)
  await writeFile(file, queriesOf(names))
  return file
}
