import type { LabHost, LabPod, LabProcess } from '@edgeway/testbed'
import { runClient, startServer } from './program.ts'

const SERVER = new URL('datagram-server.ts', import.meta.url)
const CLIENT = new URL('datagram-client.ts', import.meta.url)

export interface DatagramOptions {
  readonly count: number
  /** After each datagram. */
  readonly pauseMs: number
  /** How each begins; its number follows. */
  readonly prefix: string
  /** Of each datagram; as long as prefix and number unless given. */
  readonly bytes?: number
  /** For answers, after the last one was sent. */
  readonly patienceMs: number
}

/** What `datagram-client.ts` writes. */
export interface DatagramReport {
  readonly answered: number
  /** Datagrams that answer nothing that was asked, or a second time. */
  readonly foreign: number
  /** From a datagram to its answer. */
  readonly longestMs: number
  /** Names of those that answered. */
  readonly servers: readonly string[]
  /** Addresses by which they know the client. */
  readonly sessions: readonly string[]
  /** Code of the error that ended it, as `ECONNREFUSED`. */
  readonly error?: string | undefined
}

export function startDatagramServer(pod: LabPod, port: number): Promise<LabProcess> {
  return startServer(pod, { file: SERVER, args: [port] })
}

/** @param service - name and port */
export function sendDatagrams(
  host: LabHost,
  { name, port }: { readonly name: string; readonly port: number },
  options: DatagramOptions,
): Promise<DatagramReport> {
  const timeoutMs = options.count * (options.pauseMs + 50) + options.patienceMs + 30_000
  return runClient(host, { file: CLIENT, args: [name, port, JSON.stringify(options)] }, timeoutMs)
}
