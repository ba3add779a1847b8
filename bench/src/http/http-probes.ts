import { cpuSeconds } from '../cpu.ts'
import { residentBytes } from '../memory.ts'
import type { Probe } from '../probe.ts'
import { type HttpLoad, h2load, wrkLoad } from '../probes/http-load.ts'
import { addedLatency } from '../probes/latency.ts'
import type { Contender } from '../scene.ts'
import { HTTP_PORTS } from './routes.ts'

const SECONDS = 2
const CONNECTIONS = 32
/** A client's connections and the requests that are under way on each. */
const STREAMS = { connections: 8, streams: 16 } as const
const US_PER_SECOND = 1e6
const MB = 1e6

const LOAD_UNITS = { 'CPU us/request': 'us', RSS: 'MB' } as const

/** What each request of wrk is like. */
interface WrkRequest {
  readonly path: string
  readonly headers?: readonly string[]
}

/** Requests one after the other on 32 connections, for as long as the server keeps them. */
export function http1Probe(name: string, { path, headers = [] }: WrkRequest): Probe {
  return {
    name,
    units: { requests: 'req/s', 'latency p50': 'us', 'latency p99': 'us', ...LOAD_UNITS },
    async run(client, { ip, pids }) {
      const url = `http://${ip}:${HTTP_PORTS.http}${path}`
      const before = await cpuSeconds(pids)
      const load = await wrkLoad(client, { url, connections: CONNECTIONS, seconds: SECONDS, headers })
      const own = await ownFigures(pids, before, load)
      return { requests: load.perSecond, 'latency p50': load.p50Us, 'latency p99': load.p99Us, ...own }
    },
  }
}

/** What each request of h2load is like; those with a body are POST. */
interface H2loadRequest {
  readonly port: number
  readonly path: string
  readonly headers?: readonly string[]
  /** A file. */
  readonly body?: string
}

/** 16 requests at a time on each of 8 connections. */
export function http2Probe(name: string, { port, path, ...request }: H2loadRequest): Probe {
  return {
    name,
    units: { requests: 'req/s', 'latency mean': 'us', ...LOAD_UNITS },
    async run(client, { ip, pids }) {
      const before = await cpuSeconds(pids)
      const url = `http://${ip}:${port}${path}`
      const load = await h2load(client, { url, seconds: SECONDS, ...STREAMS, ...request })
      const own = await ownFigures(pids, before, load)
      return { requests: load.perSecond, 'latency mean': load.meanUs, ...own }
    },
  }
}

/** What a request on an open connection takes longer than directly. */
export function addedLatencyProbe(direct: Contender): Probe {
  return {
    name: 'added latency',
    units: { 'added latency p50': 'us', 'added latency p99': 'us' },
    async run(client, { name, ip }) {
      if (name === direct.name) return {}
      const { p50, p99 } = await addedLatency(client, { protocol: 'http', direct: direct.ip, way: ip })
      return { 'added latency p50': p50, 'added latency p99': p99 }
    },
  }
}

/** CPU of the way's processes since then, and their memory now; nothing where there is none. */
async function ownFigures(pids: readonly number[], cpuBefore: number, { requests }: HttpLoad) {
  if (pids.length === 0) return {}
  const cpu = (await cpuSeconds(pids)) - cpuBefore
  const resident = await Promise.all(pids.map(residentBytes))
  const bytes = resident.reduce((sum, one) => sum + one, 0)
  return { 'CPU us/request': (cpu * US_PER_SECOND) / requests, RSS: bytes / MB }
}
