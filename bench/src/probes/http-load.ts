import type { LabHost } from '@edgeway/testbed'
import { mustExec } from './must-exec.ts'

/** Requests of HTTP/1.1, as wrk sends them. */
export interface WrkOptions {
  readonly url: string
  readonly connections: number
  readonly seconds: number
  /** Each `Name: value`. */
  readonly headers?: readonly string[]
}

/** Requests of HTTP/2 with prior knowledge, as h2load sends them. */
export interface H2loadOptions {
  readonly url: string
  readonly connections: number
  /** Requests under way on each connection. */
  readonly streams: number
  readonly seconds: number
  readonly headers?: readonly string[]
  /** A file with the body of each request; these are POST. */
  readonly body?: string
}

/** What the clients had. */
export interface HttpLoad {
  readonly requests: number
  readonly perSecond: number
  /** From a request to the end of its response. */
  readonly meanUs: number
}

export interface WrkLoad extends HttpLoad {
  readonly p50Us: number
  readonly p99Us: number
}

const US = { us: 1, ms: 1e3, s: 1e6, m: 60e6 } as const

/** @throws {Error} when a request failed */
export async function wrkLoad(client: LabHost, options: WrkOptions): Promise<WrkLoad> {
  const { url, connections, seconds, headers = [] } = options
  const load = ['--threads', '1', '--connections', `${connections}`, '--duration', `${seconds}s`]
  const extra = headers.flatMap((header) => ['--header', header])
  return parseWrkLoad(await mustExec(client, ['wrk', ...load, '--latency', ...extra, url]))
}

/** @throws {Error} when a request failed, but for those that the end of the run cut off */
export async function h2load(client: LabHost, options: H2loadOptions): Promise<HttpLoad> {
  const { url, connections, streams, seconds, headers = [], body } = options
  const load = ['-t1', '-c', `${connections}`, '-m', `${streams}`, '-D', `${seconds}`]
  const extra = [...headers.flatMap((header) => ['-H', header]), ...(body === undefined ? [] : ['-d', body])]
  const text = await mustExec(client, ['h2load', ...load, ...extra, url])
  return parseH2load(text, connections * streams)
}

/** @param text - what `wrk --latency` writes */
export function parseWrkLoad(text: string): WrkLoad {
  const problem = /^ *(Socket errors|Non-2xx).*$/m.exec(text)
  if (problem !== null) throw new Error(`wrk: ${problem[0].trim()}`)
  return {
    requests: numberIn(text, /^ +(\d+) requests in/m),
    perSecond: numberIn(text, /^Requests\/sec: +([\d.]+)$/m),
    meanUs: timeIn(text, /^ +Latency +([\d.]+[a-z]+)/m),
    p50Us: timeIn(text, /^ +50% +(\S+)/m),
    p99Us: timeIn(text, /^ +99% +(\S+)/m),
  }
}

/**
 * @param text - what h2load writes
 * @param cut - so many requests may be under way when the time is up
 */
export function parseH2load(text: string, cut: number): HttpLoad {
  const requests = numberIn(text, /(\d+) succeeded/)
  const failed = numberIn(text, /(\d+) failed/)
  const others = [...text.matchAll(/(\d+) [345]xx/g)].reduce((sum, [, count]) => sum + Number(count), 0)
  if (failed > cut || others > 0) throw new Error(`h2load: ${failed} failed, ${others} with other statuses`)
  const perSecond = numberIn(text, /, ([\d.]+) req\/s/)
  return { requests, perSecond, meanUs: timeIn(text, /^time for request: +\S+ +\S+ +(\S+)/m) }
}

function numberIn(text: string, pattern: RegExp): number {
  const [, digits] = pattern.exec(text) ?? []
  if (digits === undefined) throw new Error(`no ${pattern.source} in: ${text}`)
  return Number(digits)
}

/** In microseconds. */
function timeIn(text: string, pattern: RegExp): number {
  const [, time = ''] = pattern.exec(text) ?? []
  const [, digits = '', unit = ''] = /^([\d.]+)(us|ms|s|m)$/.exec(time) ?? []
  const factor = Object.entries(US).find(([name]) => name === unit)?.[1]
  if (factor === undefined) throw new Error(`no time at ${pattern.source} in: ${text}`)
  return Number(digits) * factor
}
