import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { LabProcess } from '@edgeway/testbed'
import { type DescriptorLimit, descriptorLimit } from '../descriptors.ts'
import { residentBytes } from '../memory.ts'
import { spawnHaproxy } from '../peers/haproxy.ts'
import { mustExec } from '../probes/must-exec.ts'
import { compare, missing, type Result } from '../result.ts'
import type { Scene } from '../scene.ts'
import { FORCED_IP, IDLE_PORT, makeForcedService } from './forced-service.ts'
import { idleCountWithin } from './idle-count.ts'
import type { TrafficContext, TrafficPart, TrafficPlan } from './plan.ts'

const SERVER = fileURLToPath(new URL('../probes/idle-echo.ts', import.meta.url))
const CLIENT = fileURLToPath(new URL('../probes/idle-client.ts', import.meta.url))
/** Opened and closed before: what a first connection brings for good is no part of the growth. */
const WARM_UP_CONNECTIONS = 200
/** Memory is looked at once all has been quiet for that long. */
const REST_MS = 5_000
const TIMEOUT_MS = 120_000
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

interface Memory {
  /** Growth by connection, in bytes. */
  readonly perConnection: number
  /** The same from half of them to all: what a start left free has been used up by then. */
  readonly perLaterConnection: number
  /** Resident with all of them open, in bytes. */
  readonly total: number
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
  const server = scene.mesh.lab.pod('near').spawn(idleCommand(round, SERVER, [IDLE_PORT]))
  await server.waitForOutput(/"listening":true/)
  await makeForcedService(scene.mesh)
  const agent: Memory[] = []
  const haproxy: Memory[] = []
  const ways = [
    { name: 'agent', memories: agent, start: freshAgent },
    { name: 'haproxy', memories: haproxy, start: freshHaproxy },
  ]
  for (let pair = 1; pair <= plan.pairs; pair++)
    for (const { name, memories, start } of pair % 2 === 1 ? ways : ways.toReversed()) {
      onStep(`${count} idle connections: ${name}, pair ${pair} of ${plan.pairs}`)
      memories.push(await memoryOf(round, await start(round)))
    }
  const compared = (figure: keyof Memory, unit: number): Result => {
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
  // Otherwise it has what this process has: Node itself takes as many as it may.
  if (descriptors.canRaise)
    await mustExec(agent.host, [
      'prlimit',
      `--pid=${pid}`,
      `--nofile=${descriptors.most}:${descriptors.most}`,
    ])
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

/** @throws {Error} when not all connections could be opened, or some had ended at the end */
async function memoryOf(round: Round, { pid, ip, process: own }: Carrier): Promise<Memory> {
  const { count } = round
  const half = Math.floor(count / 2)
  await using _own = own
  await using warmUp = openIdle(round, ip, [WARM_UP_CONNECTIONS])
  await allOpen(warmUp, WARM_UP_CONNECTIONS)
  await mustBeAlive(warmUp, WARM_UP_CONNECTIONS)
  await delay(REST_MS)
  const before = await residentBytes(pid)
  await using idle = openIdle(round, ip, [half, count])
  await allOpen(idle, half)
  await delay(REST_MS)
  const between = await residentBytes(pid)
  idle.kill('SIGUSR2')
  await allOpen(idle, count)
  await delay(REST_MS)
  const total = await residentBytes(pid)
  await mustBeAlive(idle, count)
  const perLaterConnection = (total - between) / (count - half)
  return { perConnection: (total - before) / count, perLaterConnection, total }
}

function openIdle(round: Round, ip: string, counts: readonly number[]): LabProcess {
  return round.scene.mesh.lab.pod('client').spawn(idleCommand(round, CLIENT, [ip, IDLE_PORT, ...counts]))
}

/** Resolves when the client says so; what it can't open ends it. */
async function allOpen(client: LabProcess, count: number): Promise<void> {
  await client.waitForOutput(new RegExp(`"open":${count}\\}`), TIMEOUT_MS)
}

/** Makes the client end, too. */
async function mustBeAlive(client: LabProcess, count: number): Promise<void> {
  client.kill('SIGUSR2')
  const [, alive] = await client.waitForOutput(/"alive":(\d+)/, TIMEOUT_MS)
  if (Number(alive) !== count) throw new Error(`only ${alive} of ${count} idle connections were still alive`)
  await client.exited
}

/** A program on Node with as many descriptors as may be. */
function idleCommand(
  { descriptors: { most } }: Round,
  program: string,
  args: readonly (string | number)[],
): readonly string[] {
  return ['prlimit', `--nofile=${most}`, '--', process.execPath, program, ...args.map(String)]
}
