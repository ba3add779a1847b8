// Runs inside a network namespace where servers take the PROXY protocol: calls each of them with a header, and prints the
// answers as JSON. The one argument: the calls, as JSON.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { type ProxiedConnection, proxyHeaderV2 } from '../proxy-protocol.ts'

/** What is told to the server at that address; JSON leaves out what is `undefined`. */
export interface ProxiedCall extends Partial<ProxiedConnection> {
  readonly host: string
  readonly port: number
}

const DEADLINE_MS = 10_000
const RETRY_MS = 20
const REQUEST = 'GET / HTTP/1.0\r\n\r\n'

/** Until the server listens. */
async function connected({ host, port }: ProxiedCall): Promise<Socket> {
  const deadline = performance.now() + DEADLINE_MS
  for (;;) {
    const socket = connect({ host, port, noDelay: true })
    try {
      await once(socket, 'connect')
      return socket
    } catch (error) {
      if (performance.now() > deadline) throw error
      await delay(RETRY_MS)
    }
  }
}

async function answerTo(call: ProxiedCall): Promise<string> {
  const socket = await connected(call)
  const { source, destination } = call
  socket.write(proxyHeaderV2({ source, destination }))
  socket.write(REQUEST)
  const answer = await text(socket)
  return answer.slice(answer.indexOf('\r\n\r\n') + 4).trim()
}

const calls: readonly ProxiedCall[] = JSON.parse(process.argv[2] ?? '[]')
process.stdout.write(JSON.stringify(await Promise.all(calls.map(answerTo))))
