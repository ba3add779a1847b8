import type { LabHost } from '@edgeway/testbed'
import { cpuSeconds, machineCpuSeconds } from './cpu.ts'
import { iperf3 } from './probes/iperf3.ts'
import { latency } from './probes/latency.ts'
import { wrk } from './probes/wrk.ts'
import type { Contender } from './scene.ts'

/** Asks one way for figures. */
export interface Probe {
  readonly name: string
  /** Of the metrics that a run yields. */
  readonly units: Readonly<Record<string, string>>
  /** @returns figures by metric; a metric that the way has no figure for is left out */
  run(client: LabHost, contender: Contender): Promise<Readonly<Record<string, number>>>
}

const SECONDS = 1
const GB = 1e9
const US_PER_SECOND = 1e6

export const BULK: Probe = {
  name: 'bulk',
  units: {
    'bulk 1 flow': 'Mbit/s',
    'bulk 8 flows': 'Mbit/s',
    'bulk CPU s/GB': 's/GB',
    'bulk 8 flows CPU s/GB': 's/GB',
  },
  async run(client, { ip, pids }) {
    const one = await bulk(client, { ip, pids, flows: 1 })
    const eight = await bulk(client, { ip, pids, flows: 8 })
    const rates = { 'bulk 1 flow': one.mbitPerSecond, 'bulk 8 flows': eight.mbitPerSecond }
    if (pids.length === 0) return rates
    return { ...rates, 'bulk CPU s/GB': one.cpuPerGb, 'bulk 8 flows CPU s/GB': eight.cpuPerGb }
  },
}

export const HTTP: Probe = {
  name: 'HTTP',
  units: { 'HTTP keep-alive': 'req/s', 'CPU us/request': 'us' },
  async run(client, { ip, pids }) {
    const before = await cpuSeconds(pids)
    const rate = await wrk(client, ip, { isClosing: false, seconds: SECONDS })
    const cpu = (await cpuSeconds(pids)) - before
    const own = pids.length === 0 ? {} : { 'CPU us/request': (cpu * US_PER_SECOND) / (rate * SECONDS) }
    return { 'HTTP keep-alive': rate, ...own }
  },
}

export const CONNECTIONS: Probe = {
  name: 'new connections',
  units: {
    'new connections': '/s',
    'machine CPU us/connection': 'us',
    'CPU us/connection': 'us',
  },
  async run(client, { ip, pids }) {
    const before = await Promise.all([machineCpuSeconds(), cpuSeconds(pids)])
    const rate = await wrk(client, ip, { isClosing: true, seconds: SECONDS })
    const after = await Promise.all([machineCpuSeconds(), cpuSeconds(pids)])
    const perConnection = (index: 0 | 1): number =>
      ((after[index] - before[index]) * US_PER_SECOND) / (rate * SECONDS)
    const own = pids.length === 0 ? {} : { 'CPU us/connection': perConnection(1) }
    return { 'new connections': rate, 'machine CPU us/connection': perConnection(0), ...own }
  },
}

export const LATENCY: Probe = {
  name: 'latency',
  units: { 'first byte p50': 'us', 'first byte p99': 'us', 'echo p50': 'us', 'echo p99': 'us' },
  async run(client, { ip }) {
    const { firstByteP50, firstByteP99, echoP50, echoP99 } = await latency(client, ip)
    return {
      'first byte p50': firstByteP50,
      'first byte p99': firstByteP99,
      'echo p50': echoP50,
      'echo p99': echoP99,
    }
  },
}

async function bulk(
  client: LabHost,
  { ip, pids, flows }: Pick<Contender, 'ip' | 'pids'> & { flows: number },
) {
  const before = await cpuSeconds(pids)
  const { mbitPerSecond, bytes } = await iperf3(client, ip, { flows, seconds: SECONDS })
  const cpu = (await cpuSeconds(pids)) - before
  return { mbitPerSecond, cpuPerGb: cpu / (bytes / GB) }
}
