/**
 * `idle-client.ts PROTOCOL IP PORT COUNT...`: opens connections to a server of `echo` or `http` until there are that many, has an
 * answer on each, writes `{"open":COUNT}` and waits for SIGUSR2, for one COUNT after the other; then it asks again on each, writes
 * `{"alive":COUNT}` and ends. The first connection may take some seconds: what listens may have been started just now.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { askerOf } from './asker.ts'

/** Fewer than the smallest backlog on the way. */
const AT_A_TIME = 64
const FIRST_WITHIN_MS = 15_000
const FIRST_ATTEMPT_MS = 1_000
const RETRY_MS = 100
const ANSWER_TIMEOUT_MS = 10_000

const [protocol = '', ip = '', port = '', ...counts] = process.argv.slice(2)
const ask = askerOf(protocol)

async function open(timeoutMs: number): Promise<Socket> {
  const socket = connect({ host: ip, port: Number(port), noDelay: true })
  // An error is followed by `close`, which the next question finds.
  socket.on('error', () => {})
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(timeoutMs) })
    await answerInTime(socket)
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** Rejects when the connection ends instead, or nothing comes back. */
async function answerInTime(socket: Socket): Promise<void> {
  if (socket.destroyed) throw new Error('the connection had ended')
  let timer: NodeJS.Timeout | undefined
  let onClose = (): void => {}
  const failed = new Promise<never>((_, reject) => {
    onClose = () => reject(new Error('the connection ended'))
    socket.once('close', onClose)
    timer = setTimeout(() => reject(new Error('no answer came')), ANSWER_TIMEOUT_MS)
  })
  try {
    await Promise.race([ask(socket), failed])
  } finally {
    clearTimeout(timer)
    socket.off('close', onClose)
  }
}

async function openFirst(): Promise<Socket> {
  const giveUpAt = performance.now() + FIRST_WITHIN_MS
  for (;;) {
    try {
      return await open(FIRST_ATTEMPT_MS)
    } catch (error) {
      if (performance.now() > giveUpAt) throw error
      await delay(RETRY_MS)
    }
  }
}

/** Runs the task for each number up to the last one, some at a time. */
async function forEach(last: number, task: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < last) await task(next++)
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, worker))
}

function fail(error: unknown): never {
  process.stdout.write(`${JSON.stringify({ reason: `${sockets.length} open, then: ${error}` })}\n`)
  process.exit(1)
}

const sockets: Socket[] = []
try {
  sockets.push(await openFirst())
  for (const count of counts) {
    const more = Number(count) - sockets.length
    await forEach(more, async () => void sockets.push(await open(ANSWER_TIMEOUT_MS)))
    const asked = once(process, 'SIGUSR2')
    process.stdout.write(`${JSON.stringify({ open: sockets.length })}\n`)
    await asked
  }
  let alive = 0
  await forEach(sockets.length, async (index) => {
    const socket = sockets[index]
    if (socket !== undefined && (await isAlive(socket))) alive++
  })
  process.stdout.write(`${JSON.stringify({ alive })}\n`)
} catch (error) {
  fail(error)
}
// Resets leave no ports in TIME_WAIT, here and on the way.
for (const socket of sockets) socket.resetAndDestroy()

async function isAlive(socket: Socket): Promise<boolean> {
  try {
    await answerInTime(socket)
    return true
  } catch {
    // That is what was asked.
    return false
  }
}
