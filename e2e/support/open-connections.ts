/**
 * A client that has many connections open at the same time. Opens them all, asks on each who answers once all are
 * open, and asks again on each once all have been answered. Writes one line of JSON: how often which pod answered.
 *
 *     open-connections.ts HOST PORT COUNT
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const [host = '', port = '', count = ''] = process.argv.slice(2)

async function open(): Promise<Socket> {
  const socket = connect({ host, port: Number(port) })
  await once(socket, 'connect')
  return socket
}

/** Rejects when the connection ends before the answer is there. */
async function ask(socket: Socket): Promise<string> {
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
  socket.write(`GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
  const pod = await answered
  socket.removeAllListeners('data')
  return pod
}

const sockets = await Promise.all(Array.from({ length: Number(count) }, open))
const answers: Record<string, number> = {}
for (let round = 0; round < 2; round++)
  for (const pod of await Promise.all(sockets.map(ask))) answers[pod] = (answers[pod] ?? 0) + 1
process.stdout.write(`${JSON.stringify(answers)}\n`)
process.exit(0)
