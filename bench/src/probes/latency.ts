import { fileURLToPath } from 'node:url'
import type { LabHost } from '@edgeway/testbed'
import type { Protocol } from './asker.ts'
import { mustExec } from './must-exec.ts'
import { HTTP_PORT } from './wrk.ts'

export const ECHO_PORT = 7007

const PORT_OF = { echo: ECHO_PORT, http: HTTP_PORT } as const satisfies Record<Protocol, number>

const CLIENT = fileURLToPath(new URL('./latency-client.ts', import.meta.url))
const ADDED_CLIENT = fileURLToPath(new URL('./added-latency-client.ts', import.meta.url))

/** In microseconds. */
export interface Latency {
  /** From the begin of a connection to its first byte back. */
  readonly firstByteP50: number
  readonly firstByteP99: number
  /** Of one byte there and back on an open connection. */
  readonly echoP50: number
  readonly echoP99: number
}

/** What a way adds to the direct one's quantiles of one question and its answer on an open connection, in microseconds. */
export interface AddedLatency {
  readonly p50: number
  readonly p99: number
}

/** Asks an echo server, one question after the other. */
export async function latency(client: LabHost, ip: string): Promise<Latency> {
  const output = await mustExec(client, [process.execPath, CLIENT, ip, String(ECHO_PORT)])
  return JSON.parse(output) as Latency
}

/** Asks a server by two ways in turn: bytes of an echo server, small requests of an HTTP server. */
export async function addedLatency(
  client: LabHost,
  { protocol, direct, way }: { readonly protocol: Protocol; readonly direct: string; readonly way: string },
): Promise<AddedLatency> {
  const command = [process.execPath, ADDED_CLIENT, protocol, direct, way, String(PORT_OF[protocol])]
  return JSON.parse(await mustExec(client, command)) as AddedLatency
}
