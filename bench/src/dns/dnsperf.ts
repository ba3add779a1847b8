import type { LabHost } from '@edgeway/testbed'
import { quantile } from '../probes/echo-connection.ts'
import { mustExec } from '../probes/must-exec.ts'

/** Sockets that the queries come from; an agent sees as many clients. */
const CLIENTS = 8

export interface DnsLoad {
  /** File of dnsperf's input, asked for over and over. */
  readonly queries: string
  readonly transport: 'udp' | 'tcp'
  readonly seconds: number
}

/** What dnsperf measured. */
export interface DnsRun {
  readonly completed: number
  readonly queriesPerSecond: number
  readonly lostPercent: number
}

/** Asks each query of the file once, so that whoever keeps answers has them all. */
export async function askOnce(client: LabHost, ip: string, queries: string): Promise<void> {
  parseDnsperf(await mustExec(client, [...dnsperf(ip, queries), '-n', '1']))
}

/** As many queries as the server takes: 100 are always under way. */
export async function askAtFullLoad(client: LabHost, ip: string, load: DnsLoad): Promise<DnsRun> {
  return parseDnsperf(await mustExec(client, commandOf(ip, load)))
}

/** A given number of queries a second, and what the answers took, in milliseconds. */
export async function askAtRate(
  client: LabHost,
  ip: string,
  { queriesPerSecond, ...load }: DnsLoad & { readonly queriesPerSecond: number },
): Promise<{ readonly p50: number; readonly p99: number }> {
  const rate = String(Math.round(queriesPerSecond))
  const text = await mustExec(client, [...commandOf(ip, load), '-Q', rate, '-v'])
  parseDnsperf(text)
  const latencies = latenciesIn(text)
  return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) }
}

/**
 * @param text - what dnsperf writes at its end
 * @throws {Error} when there is no rate in it, or some answers were other than NOERROR
 */
export function parseDnsperf(text: string): DnsRun {
  const numberAfter = (label: string): number =>
    Number(new RegExp(`^ *${label}: +([\\d.]+)`, 'm').exec(text)?.[1])
  const run = {
    completed: numberAfter('Queries completed'),
    queriesPerSecond: numberAfter('Queries per second'),
    lostPercent: (numberAfter('Queries lost') / numberAfter('Queries sent')) * 100,
  }
  const [, codes = ''] = /^ *Response codes: +(.*)$/m.exec(text) ?? []
  if (!/^NOERROR \d+ \(100\.00%\)$/.test(codes) || !(run.queriesPerSecond > 0))
    throw new Error(`dnsperf did not get answers only: ${text.slice(-1_000)}`)
  return run
}

/** @param text - a line for each answer, as dnsperf writes with `-v`; the time is its last field, in seconds */
export function latenciesIn(text: string): number[] {
  return [...text.matchAll(/^> .* ([\d.]+)$/gm)].map(([, seconds]) => Number(seconds) * 1_000)
}

function commandOf(ip: string, { queries, transport, seconds }: DnsLoad): readonly string[] {
  return [...dnsperf(ip, queries), '-m', transport, '-l', String(seconds)]
}

function dnsperf(ip: string, queries: string): readonly string[] {
  return ['dnsperf', '-s', ip, '-d', queries, '-c', String(CLIENTS), '-T', '1']
}
