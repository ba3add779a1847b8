import { fileURLToPath } from 'node:url'
import type { LabProcess } from '@edgeway/testbed'
import { type DescriptorLimit, descriptorLimit } from '../descriptors.ts'
import { spawnHaproxy } from '../peers/haproxy.ts'
import { type IdleMemory, idleMemory, nodeCommand, raiseDescriptors } from '../probes/idle-memory.ts'
import { compare, missing, type Result } from '../result.ts'
import type { Scene } from '../scene.ts'
import { FORCED_IP, IDLE_PORT, makeForcedService } from './forced-service.ts'
import { idleCountWithin } from './idle-count.ts'
import type { TrafficContext, TrafficPart, TrafficPlan } from './plan.ts'

const SERVER = fileURLToPath(new URL('../probes/idle-echo.ts', import.meta.url))
const HAPROXY_IDLE_SECONDS = 600
/** Of haproxy, beyond those that are measured. */
const SPARE_CONNECTIONS = 500
const KB = 1e3
const MB = 1e6

/** Who carries the connections, started anew. */
interface Carrier {
  readonly pid: number
  readonly ip: string
  /** To be disposed before the next one comes. */
  readonly process?: LabProcess
}

/** What all measurements have in common. */
interface Round {
  readonly scene: Scene
  readonly count: number
  readonly descriptors: DescriptorLimit
}

/** Many open connections without a byte: memory of the agent and of haproxy. */
export const IDLE_PART: TrafficPart = {
  name: 'idle',
  figures: ({ idleConnections }) =>
    Object.values(namesOf(idleConnections)).map((name) => ({ ...name, referenceName: 'haproxy' })),
  measure,
}

function namesOf(count: number) {
  const name = { bench: 'traffic', case: `agent, ${count} idle connections` }
  return {
    perConnection: { ...name, metric: 'RSS growth per connection', unit: 'kB' },
    perLaterConnection: { ...name, metric: 'RSS growth per connection, second half', unit: 'kB' },
    total: { ...name, metric: 'RSS', unit: 'MB' },
  }
}

async function measure({ scene, plan, onStep }: TrafficContext): Promise<Result[]> {
  const descriptors = await descriptorLimit()
  const { count, reason } = idleCountWithin(descriptors.most, plan.idleConnections)
  const within = namesOf(count)
  const round: Round = { scene, count, descriptors }
  const server = scene.mesh.lab.pod('near').spawn(nodeCommand(descriptors.most, SERVER, [IDLE_PORT]))
  await server.waitForOutput(/"listening":true/)
  await makeForcedService(scene.mesh)
  const agent: IdleMemory[] = []
  const haproxy: IdleMemory[] = []
  const ways = [
    { name: 'agent', memories: agent, start: freshAgent },
    { name: 'haproxy', memories: haproxy, start: freshHaproxy },
  ]
  for (let pair = 1; pair <= plan.pairs; pair++)
    for (const { name, memories, start } of pair % 2 === 1 ? ways : ways.toReversed()) {
      onStep(`${count} idle connections: ${name}, pair ${pair} of ${plan.pairs}`)
      memories.push(await memoryOf(round, await start(round)))
    }
  const compared = (figure: keyof IdleMemory, unit: number): Result => {
    const values = haproxy.map((memory) => memory[figure] / unit)
    const ours = agent.map((memory) => memory[figure] / unit)
    return compare(within[figure], ours, { name: 'haproxy', values })
  }
  return [
    ...notAsMany(plan, reason),
    compared('perConnection', KB),
    compared('perLaterConnection', KB),
    compared('total', MB),
  ]
}

/** The figures of as many connections as wanted, where it can't be as many. */
function notAsMany({ idleConnections }: TrafficPlan, reason: string | undefined): Result[] {
  if (reason === undefined) return []
  return Object.values(namesOf(idleConnections)).map((name) => missing(name, reason, 'haproxy'))
}

async function freshAgent({ scene: { mesh }, descriptors }: Round): Promise<Carrier> {
  const agent = mesh.agent('edge-1')
  await agent.stop()
  await agent.start()
  await agent.whenReady()
  const { pid } = agent
  await raiseDescriptors(agent.host, pid, descriptors)
  return { pid, ip: FORCED_IP }
}

async function freshHaproxy({ scene, count }: Round): Promise<Carrier> {
  const { lab } = scene.mesh
  const node = lab.node('edge-1')
  const haproxy = await spawnHaproxy(lab, node, {
    name: 'haproxy-idle',
    backend: lab.pod('near').address,
    ports: { idle: IDLE_PORT },
    maxConnections: count + SPARE_CONNECTIONS,
    idleTimeoutSeconds: HAPROXY_IDLE_SECONDS,
  })
  return { pid: haproxy.pid, ip: node.innerAddress ?? '', process: haproxy }
}

async function memoryOf(
  { scene, count, descriptors }: Round,
  { pid, ip, process: own }: Carrier,
): Promise<IdleMemory> {
  await using _own = own
  const client = scene.mesh.lab.pod('client')
  return await idleMemory({
    client,
    protocol: 'echo',
    ip,
    port: IDLE_PORT,
    count,
    descriptors: descriptors.most,
    pid,
  })
}
