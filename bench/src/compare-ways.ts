import type { LabHost } from '@edgeway/testbed'
import { type EdgeMeshScene, edgeMeshFigure } from '../edgemesh.ts'
import { cpuSeconds } from './cpu.ts'
import { iperf3 } from './probes/iperf3.ts'
import { latency } from './probes/latency.ts'
import { wrk } from './probes/wrk.ts'
import { compare, type Result } from './result.ts'
import type { Contender } from './scene.ts'

/** Figures that one run of a probe yields, by metric. */
type Figures = Readonly<Record<string, number>>

export interface Probe {
  readonly name: string
  run(client: LabHost, contender: Contender): Promise<Figures>
}

const PAIRS = 5
const SECONDS = 1
const GB = 1e9

export const UNITS: Readonly<Record<string, string>> = {
  'bulk 1 flow': 'Mbit/s',
  'bulk 8 flows': 'Mbit/s',
  'bulk CPU s/GB': 's/GB',
  'HTTP keep-alive': 'req/s',
  'new connections': '/s',
  'first byte p50': 'us',
  'first byte p99': 'us',
  'echo p50': 'us',
}

export const BULK: Probe = {
  name: 'bulk',
  async run(client, { ip, pids }) {
    const before = await cpuSeconds(pids)
    const one = await iperf3(client, ip, { flows: 1, seconds: SECONDS })
    const cpu = (await cpuSeconds(pids)) - before
    const eight = await iperf3(client, ip, { flows: 8, seconds: SECONDS })
    const used = pids.length === 0 ? {} : { 'bulk CPU s/GB': cpu / (one.bytes / GB) }
    return { 'bulk 1 flow': one.mbitPerSecond, 'bulk 8 flows': eight.mbitPerSecond, ...used }
  },
}

export const HTTP: Probe = {
  name: 'HTTP',
  async run(client, { ip }) {
    return { 'HTTP keep-alive': await wrk(client, ip, { isClosing: false, seconds: SECONDS }) }
  },
}

export const CONNECTIONS: Probe = {
  name: 'new connections',
  async run(client, { ip }) {
    return { 'new connections': await wrk(client, ip, { isClosing: true, seconds: SECONDS }) }
  },
}

export const LATENCY: Probe = {
  name: 'latency',
  async run(client, { ip }) {
    const { firstByteP50, firstByteP99, echoP50 } = await latency(client, ip)
    return { 'first byte p50': firstByteP50, 'first byte p99': firstByteP99, 'echo p50': echoP50 }
  },
}

export interface Comparison {
  readonly bench: string
  readonly case: string
  readonly edgeMesh: EdgeMeshScene
  readonly client: LabHost
  /** Ours first. */
  readonly contenders: readonly Contender[]
  readonly probes: readonly Probe[]
}

/** Runs each probe over all ways in turn, five times, and compares ours with each of the others. */
export async function compareWays(comparison: Comparison, onStep: (step: string) => void): Promise<Result[]> {
  const values = new Map<string, number[]>()
  for (const probe of comparison.probes)
    for (let pair = 1; pair <= PAIRS; pair++) {
      onStep(`${comparison.case}: ${probe.name}, pair ${pair} of ${PAIRS}`)
      for (const contender of comparison.contenders)
        for (const [metric, value] of Object.entries(await probe.run(comparison.client, contender)))
          append(values, keyOf(contender.name, metric), value)
    }
  return resultsOf(comparison, values)
}

function resultsOf(comparison: Comparison, values: ReadonlyMap<string, readonly number[]>): Result[] {
  const [ours, ...others] = comparison.contenders
  return Object.entries(UNITS).flatMap(([metric, unit]) => {
    const our = values.get(keyOf(ours?.name ?? '', metric))
    if (our === undefined) return []
    const name = { bench: comparison.bench, case: comparison.case, metric, unit }
    const references = others.flatMap((other) => {
      const its = values.get(keyOf(other.name, metric))
      return its === undefined ? [] : [{ name: other.name as string, values: its }]
    })
    const haproxy = references.find((reference) => reference.name === 'haproxy')?.values ?? []
    const edgeMesh = haproxy.map((value) => edgeMeshFigure(comparison.edgeMesh, metric, value))
    const known = edgeMesh.filter((value) => value !== undefined)
    const all = known.length === 0 ? references : [...references, { name: 'EdgeMesh', values: known }]
    return all.map((reference) => compare(name, our, reference))
  })
}

function keyOf(contender: string, metric: string): string {
  return `${contender}\0${metric}`
}

function append(values: Map<string, number[]>, key: string, value: number): void {
  const known = values.get(key)
  if (known === undefined) values.set(key, [value])
  else known.push(value)
}
