/**
 * Opens so many connections, and keeps all of them; then asks on each, so many at a time, and once more. Writes
 * `{answers, failed}` on a line: how often which pod answered, and how many connections failed. Stays until SIGTERM.
 *
 *     held-connections.ts HOST PORT COUNT AT_ONCE
 */
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** At one time; more would only fill the backlog of the listener. */
const OPEN_AT_ONCE = 200
const ROUNDS = 2

const [host = '', port = '', count = '', atOnce = ''] = process.argv.slice(2)
const { address } = await lookup(host)
const sockets: Socket[] = []
const answers: Record<string, number> = {}
let failed = 0

async function open(): Promise<void> {
  const socket = connect({ host: address, port: Number(port) })
  // One that breaks is told of when it is asked.
  socket.on('error', () => {})
  sockets.push(socket)
  try {
    await once(socket, 'connect')
  } catch {
    failed += 1
  }
}

async function ask(socket: Socket): Promise<void> {
  if (socket.destroyed) {
    failed += 1
    return
  }
  let answer = ''
  const answered = new Promise<string>((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      answer += chunk
      const pod = /"pod":"([^"]*)".*\}\n/.exec(answer)?.[1]
      if (pod !== undefined) resolve(pod)
    })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed before it was answered')))
  })
  socket.write(`GET /held-connection HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
  try {
    const pod = await answered
    answers[pod] = (answers[pod] ?? 0) + 1
  } catch {
    failed += 1
  } finally {
    socket.removeAllListeners()
    socket.on('error', () => {})
  }
}

/** Does it for each number below `total`, so many at a time. */
async function forEach(total: number, width: number, act: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < total) {
      next += 1
      await act(next - 1)
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
}

await forEach(Number(count), OPEN_AT_ONCE, open)
for (let round = 0; round < ROUNDS; round++)
  await forEach(sockets.length, Number(atOnce), async (index) => {
    const socket = sockets[index]
    if (socket !== undefined) await ask(socket)
  })
process.stdout.write(`${JSON.stringify({ answers, failed })}\n`)
process.once('SIGTERM', () => process.exit(0))
setInterval(() => {}, 60_000)
