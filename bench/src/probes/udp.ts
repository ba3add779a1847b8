import { fileURLToPath } from 'node:url'
import type { LabHost } from '@edgeway/testbed'
import { mustExec } from './must-exec.ts'

export const UDP_PORT = 7008

const CLIENT = fileURLToPath(new URL('./udp-client.ts', import.meta.url))
const SERVER = fileURLToPath(new URL('./udp-echo.ts', import.meta.url))
/** There and back. */
const PACKETS_PER_EXCHANGE = 2
const US_PER_SECOND = 1e6
const PERCENT = 100

/** What a client saw and used while it exchanged datagrams of 100 bytes, 64 under way at a time. */
export interface UdpExchange {
  readonly seconds: number
  /** Datagrams that came back. */
  readonly answered: number
  /** Datagrams that had not come back after 0.2 s. */
  readonly lost: number
  /** Of the processes that carried them; 0 where the kernel did. */
  readonly carrierCpuSeconds: number
  readonly machineCpuSeconds: number
  readonly clientCpuSeconds: number
}

/** Resolves when the echo server answers. */
export async function startUdpEcho(host: LabHost): Promise<void> {
  const server = host.spawn([process.execPath, SERVER, String(UDP_PORT)])
  await server.waitForOutput(/"listening":true/)
}

/** @throws {Error} when nothing comes back */
export async function exchangeUdp(
  client: LabHost,
  ip: string,
  { seconds, pids }: { readonly seconds: number; readonly pids: readonly number[] },
): Promise<UdpExchange> {
  const numbers = [UDP_PORT, seconds * 1_000, ...pids].map(String)
  return parseUdpExchange(await mustExec(client, [process.execPath, CLIENT, ip, ...numbers]))
}

/**
 * @param text - what the client writes
 * @throws {Error} with its reason when it had nothing to measure
 */
export function parseUdpExchange(text: string): UdpExchange {
  const outcome = JSON.parse(text) as UdpExchange | { readonly reason: string }
  if ('reason' in outcome) throw new Error(outcome.reason)
  if (outcome.answered === 0) throw new Error('no datagram came back any more')
  return outcome
}

/** Packets are datagrams, both ways together: an exchange is two of them. */
export function udpFigures(exchange: UdpExchange) {
  const { seconds, answered, lost } = exchange
  const packets = answered * PACKETS_PER_EXCHANGE
  return {
    packetsPerSecond: packets / seconds,
    lostPercent: (lost / (answered + lost)) * PERCENT,
    carrierUsPerPacket: (exchange.carrierCpuSeconds * US_PER_SECOND) / packets,
    machineUsPerPacket: (exchange.machineCpuSeconds * US_PER_SECOND) / packets,
    clientPercent: (exchange.clientCpuSeconds / seconds) * PERCENT,
  }
}
