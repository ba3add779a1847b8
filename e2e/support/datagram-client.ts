/**
 * A UDP client with one socket, connected to a `datagram-server.ts`. Sends so many datagrams, each after the pause, waits for
 * the answers to them, and writes a `DatagramReport`.
 *
 *     datagram-client.ts HOST PORT OPTIONS      `DatagramOptions` as JSON
 */
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { conclude } from './announce.ts'
import type { DatagramOptions, DatagramReport } from './datagrams.ts'

const BUFFER_BYTES = 1_048_576

const [host = '', port = '', json = '{}'] = process.argv.slice(2)
const { count, pauseMs, prefix, bytes = 0, patienceMs } = JSON.parse(json) as DatagramOptions
const { address } = await lookup(host, 4)
const socket = createSocket('udp4')
socket.connect(Number(port), address)
await once(socket, 'connect')
socket.setRecvBufferSize(BUFFER_BYTES)
socket.setSendBufferSize(BUFFER_BYTES)

const awaited = new Map<string, number>()
const servers = new Set<string>()
const sessions = new Set<string>()
const report = { answered: 0, foreign: 0, longestMs: 0 }
const over = new AbortController()
let error: string | undefined

/** A datagram of its own, filled up to the size that is asked for. */
function datagram(number: number): string {
  return `${prefix}${number} `.padEnd(bytes, '.')
}

/** Parts the server's line from what it sends back; the greatest datagram comes without. */
function take(message: string): void {
  const [, server, session, echoed = message] = /^(\S+) ([\d.]+:\d+)\n(.*)$/s.exec(message) ?? []
  if (server !== undefined) servers.add(server)
  if (session !== undefined) sessions.add(session)
  const sentAt = awaited.get(echoed)
  if (sentAt === undefined) {
    report.foreign += 1
    return
  }
  awaited.delete(echoed)
  report.answered += 1
  report.longestMs = Math.max(report.longestMs, Math.round(performance.now() - sentAt))
  if (report.answered === count) over.abort()
}

function fail(reason: Error): void {
  error = 'code' in reason ? String(reason.code) : reason.message
  over.abort()
}

async function sendAll(): Promise<void> {
  for (let number = 0; number < count && !over.signal.aborted; number++) {
    const text = datagram(number)
    awaited.set(text, performance.now())
    socket.send(text, (reason) => reason && fail(reason))
    await delay(pauseMs)
  }
  await delay(patienceMs, undefined, { signal: over.signal })
}

socket.on('message', (message) => take(message.toString('latin1')))
socket.on('error', fail)
await sendAll().catch(() => {
  // All is answered, or nothing will be.
})
const result: DatagramReport = { ...report, servers: [...servers], sessions: [...sessions], error }
conclude(result)
