import { setTimeout as delay } from 'node:timers/promises'
import type { MeshProcess } from '@edgeway/testbed'
import { makeServices, untilInEffect } from '../src/many-services.ts'
import { askForFirstAnswers } from '../src/probes/first-answers.ts'
import { HTTP_PORT } from '../src/probes/wrk.ts'
import { absolute, missing, type Result } from '../src/result.ts'
import { Scene } from '../src/scene.ts'
import type { BenchCase } from './case.ts'

const RUNS = 5
const SERVICES = 1_000
const WITHIN_MS = 10_000
const POLL_MS = 50

type OnStep = (step: string) => void
/** Seconds from the start of edge-1's agent, by metric; `undefined` where it was not in time. */
type Moments = Readonly<Record<string, number | undefined>>

export const start: BenchCase = {
  name: 'start',
  summary:
    "an agent's start to ready, to DNS and to a local Service, among 1,000; again with relay, cloud and MetaServer dead",
  async run(onStep) {
    await using scene = await Scene.start(onStep)
    const { mesh } = scene
    onStep(`${SERVICES} Services`)
    await makeServices(mesh, { from: 0, to: SERVICES, node: 'edge-2' })
    await untilInEffect(mesh, 'edge-1', SERVICES)
    const usual = await measure('everything there', onStep, () => startWhereAllIsThere(scene))
    onStep('killing the tunnel server, the API server and the mirrors')
    await mesh.server.kill()
    await mesh.killApi()
    // Without a tunnel server an agent is not ready, and says so.
    const alone = await measure('everything else dead', onStep, () => startAlone(scene))
    return [...usual, ...alone]
  },
}

async function measure(label: string, onStep: OnStep, run: () => Promise<Moments>): Promise<Result[]> {
  const runs: Moments[] = []
  for (let number = 1; number <= RUNS; number++) {
    onStep(`${label}: start ${number} of ${RUNS}`)
    runs.push(await run())
  }
  return Object.keys(runs[0] ?? {}).map((metric) => {
    const name = { bench: 'start', case: label, metric, unit: 's' }
    const values = runs.map((moments) => moments[metric]).filter((value) => value !== undefined)
    const late = RUNS - values.length
    return late === 0
      ? absolute(name, values)
      : missing(name, `not within ${WITHIN_MS / 1_000} s in ${late} of ${RUNS} starts`)
  })
}

async function startWhereAllIsThere(scene: Scene): Promise<Moments> {
  const agent = scene.mesh.agent('edge-1')
  const { startedAt, answers } = await restart(scene)
  const [ready, moments] = await Promise.all([untilReady(agent), answers()])
  return { ready: secondsBetween(startedAt, ready), ...moments }
}

async function startAlone(scene: Scene): Promise<Moments> {
  const { answers } = await restart(scene)
  return answers()
}

/** A cold start: the agent before has taken its rules and its device with it. */
async function restart({ mesh, near }: Scene) {
  const agent = mesh.agent('edge-1')
  await agent.stop()
  const asked = { name: near.dnsName, ip: near.clusterIp, port: HTTP_PORT, withinMs: WITHIN_MS }
  const firstAnswers = await askForFirstAnswers(mesh.lab.pod('client'), asked)
  await agent.start()
  const startedAt = Date.now()
  const answers = async (): Promise<Moments> => {
    const { dns, service } = await firstAnswers()
    return {
      'DNS answers': secondsBetween(startedAt, dns),
      'local Service answers': secondsBetween(startedAt, service),
    }
  }
  return { startedAt, answers }
}

/** @returns when that was, in milliseconds since 1970; `null` if not in time */
async function untilReady(agent: MeshProcess): Promise<number | null> {
  const deadline = Date.now() + WITHIN_MS
  while (Date.now() < deadline) {
    if ((await agent.admin('/readyz')).endsWith('\nready\n')) return Date.now()
    await delay(POLL_MS)
  }
  return null
}

function secondsBetween(from: number, to: number | null): number | undefined {
  return to === null ? undefined : (to - from) / 1_000
}
