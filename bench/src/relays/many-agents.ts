import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Result } from '../result.ts'
import { figuresOf, momentOfShare } from './figures.ts'
import { ManyAgentsScene } from './many-agents-scene.ts'
import type { Joined, SimulatedAgents } from './simulated-agents.ts'
import { type Spent, spending, spentWithin } from './spent.ts'

type OnStep = (step: string) => void

export interface ManyAgentsPlan {
  readonly agents: number
  /** After that much rest the server is looked at, for as long as `idleMs`. */
  readonly restMs: number
  readonly idleMs: number
}

const NOTHING = { attempts: 0, joins: 0 }
const MB = 1e6
const KB = 1e3
/** All are to be joined by then; what takes longer is not waited for. */
const WITHIN_MS = 90_000
const REGISTRY_FILE = 'registry.json'

/** One tunnel server with a thousand agents: they enrol, are idle, and come back after it was killed. */
export async function measureManyAgents(plan: ManyAgentsPlan, onStep: OnStep): Promise<Result[]> {
  await using scene = await ManyAgentsScene.start(onStep)
  const agents = await scene.simulatedAgents()
  onStep(`${plan.agents} agents enrol`)
  const enrolled = await enrol(scene, agents, plan)
  onStep(`rest of ${(plan.restMs + plan.idleMs) / 1_000} s`)
  await delay(plan.restMs)
  const idle = await footprint(scene, plan)
  onStep('the server is killed and started again')
  const storm = await restart(scene, { agents, plan, name: 'restart storm', forget: false })
  await delay(plan.restMs)
  onStep('the server is killed and started again without its registry')
  const empty = await restart(scene, { agents, plan, name: 'restart storm, registry lost', forget: true })
  return [...enrolled, ...idle, ...storm, ...empty]
}

async function enrol(
  scene: ManyAgentsScene,
  agents: SimulatedAgents,
  { agents: count }: ManyAgentsPlan,
): Promise<Result[]> {
  const since = Date.now()
  const end = await spending(scene.server.pid, scene.counter)
  agents.start(count)
  const joined = await agents.whenJoined(count, { since, withinMs: WITHIN_MS })
  await untilAllKnown(agents, count)
  const spent = await end()
  return [
    ...comebackOf(`enrolment of ${count}`, { since, all: count, joined, before: NOTHING }),
    ...spentFigures(`enrolment of ${count}`, spent),
    ...figuresOf(`enrolment of ${count}`, {
      'all know all after': [spent.seconds, 's'],
      'records received': [joined.records, 'count'],
    }),
  ]
}

async function untilAllKnown(agents: SimulatedAgents, count: number): Promise<void> {
  const deadline = Date.now() + WITHIN_MS
  while ((await agents.joined()).leastPeers < count - 1 && Date.now() < deadline) await delay(500)
}

async function footprint(
  { server, counter, mesh }: ManyAgentsScene,
  { agents, idleMs }: ManyAgentsPlan,
): Promise<Result[]> {
  const { seconds, cpuSeconds, bytes } = await spentWithin(idleMs, server.pid, counter)
  const [real] = mesh.agents
  return [
    ...figuresOf(`tunnel server, ${agents} agents`, {
      RSS: [(await server.memory()).now / MB, 'MB'],
      'idle CPU %': [(cpuSeconds / seconds) * 100, '%'],
      'idle bytes/s': [(bytes.received + bytes.sent) / seconds / KB, 'kB/s'],
    }),
    ...figuresOf(`agent among ${agents} nodes`, {
      RSS: [real === undefined ? undefined : (await real.memory()).now / MB, 'MB'],
    }),
  ]
}

interface Restart {
  readonly agents: SimulatedAgents
  readonly plan: ManyAgentsPlan
  readonly name: string
  /** Whether what the server knew of peers is lost, too. */
  readonly forget: boolean
}

async function restart(
  { server, counter, mesh }: ManyAgentsScene,
  { agents, plan, name, forget }: Restart,
): Promise<Result[]> {
  const before = await agents.joined()
  await server.kill()
  if (forget) await removeRegistries(mesh.lab.logFolder)
  const since = Date.now()
  await server.start()
  const end = await spending(server.pid, counter)
  const joined = await agents.whenJoined(plan.agents, { since, withinMs: WITHIN_MS })
  const spent = await end()
  const { peak } = await server.memory()
  return [
    ...comebackOf(name, { since, all: plan.agents, joined, before }),
    ...spentFigures(name, spent),
    ...figuresOf(name, {
      'peak RSS': [peak / MB, 'MB'],
      'records received': [joined.records - before.records, 'count'],
    }),
  ]
}

interface Comeback {
  /** Milliseconds since 1970. */
  readonly since: number
  readonly all: number
  readonly joined: Joined
  readonly before: Pick<Joined, 'attempts' | 'joins'>
}

function comebackOf(name: string, { since, all, joined, before }: Comeback): Result[] {
  const after = (share: number): number | undefined => {
    const moment = momentOfShare(joined.at, share, all)
    return moment === undefined ? undefined : (moment - since) / 1_000
  }
  return figuresOf(name, {
    '50 % joined after': [after(0.5), 's'],
    '99 % joined after': [after(0.99), 's'],
    'all joined after': [after(1), 's'],
    'failed attempts': [failedOf(joined) - failedOf(before), 'count'],
  })
}

function failedOf({ attempts, joins }: Pick<Joined, 'attempts' | 'joins'>): number {
  return attempts - joins
}

function spentFigures(name: string, { cpuSeconds, bytes }: Spent): Result[] {
  return figuresOf(name, {
    'CPU s': [cpuSeconds, 's'],
    'bytes received': [bytes.received / MB, 'MB'],
    'bytes sent': [bytes.sent / MB, 'MB'],
  })
}

/** A pod without a volume for it has lost it anyway. */
async function removeRegistries(folder: string): Promise<void> {
  const files = (await readdir(folder, { recursive: true })).filter((file) =>
    file.endsWith(`/${REGISTRY_FILE}`),
  )
  await Promise.all(files.map((file) => rm(join(folder, file))))
}
