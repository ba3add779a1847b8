import { expect } from 'vitest'
import type { LabHost } from '../src/index.ts'

export interface Asking {
  /** Address of the echo. */
  readonly to: string
  readonly count: number
  /** All at once unless given. */
  readonly everyMs?: number
  /** Of each datagram; as short as can be unless given. */
  readonly bytes?: number
}

/** A datagram that came back; in the order of arrival. */
export interface Answer {
  readonly number: number
  /** From the client to the echo, and from there to the client: all namespaces have one clock. */
  readonly outMs: number
  readonly backMs: number
  readonly arrivedMs: number
}

const QUIET_MS = 1_000
const TCP_PORT = 9_000

/** Sends back each datagram with the time at which it came, in place of its eight last zero bytes. */
const ECHO = `
const socket = require('node:dgram').createSocket({ type: 'udp4', recvBufferSize: 4_000_000 })
socket.on('message', (message, { port, address }) => {
  message.writeBigInt64LE(process.hrtime.bigint(), 12)
  socket.send(message, port, address)
})
socket.bind(7, () => process.stdout.write('ready'))
`
/** Asks, and writes what came back until nothing more did for a while after the last was sent. */
const CLIENT = `
const [address, count, everyMs, bytes, quietMs] = process.argv.slice(1)
const socket = require('node:dgram').createSocket({ type: 'udp4', recvBufferSize: 4_000_000 })
const answers = []
const ms = (from, to) => Number(to - from) / 1e6
let quiet
const FIRST = 0xffffffff
let known
const end = () => { console.log(JSON.stringify(answers)); process.exit(0) }
const wait = () => { clearTimeout(quiet); quiet = setTimeout(end, Number(quietMs)) }
socket.on('message', (message) => {
  const now = process.hrtime.bigint()
  if (message.readUInt32LE(0) === FIRST) return known?.()
  const sentAt = message.readBigInt64LE(4), echoedAt = message.readBigInt64LE(12)
  answers.push({ number: message.readUInt32LE(0), outMs: ms(sentAt, echoedAt), backMs: ms(echoedAt, now), arrivedMs: ms(0n, now) })
  if (answers.length === Number(count)) end()
  if (quiet !== undefined) wait()
})
const send = (number) => {
  const message = Buffer.alloc(Number(bytes))
  message.writeUInt32LE(number, 0)
  message.writeBigInt64LE(process.hrtime.bigint(), 4)
  socket.send(message)
}
// So that no question for an address is in what is measured.
const getKnown = () => new Promise((resolve) => {
  send(FIRST)
  const again = setInterval(() => send(FIRST), quietMs / 5)
  const enough = setTimeout(resolve, quietMs)
  known = () => { clearInterval(again); clearTimeout(enough); resolve() }
})
socket.connect(7, address, async () => {
  await getKnown()
  known()
  for (let number = 0; number < Number(count); number++) {
    send(number)
    if (Number(everyMs) > 0) await new Promise((resolve) => setTimeout(resolve, Number(everyMs)))
  }
  wait()
})
`
const TCP_ECHO = `
require('node:net').createServer((socket) => socket.pipe(socket)).listen(${TCP_PORT}, () => process.stdout.write('ready'))
`
const TCP_CLIENT = `
const [address, bytes] = process.argv.slice(1)
const crypto = require('node:crypto')
const content = crypto.randomBytes(Number(bytes))
const hash = crypto.createHash('sha256')
const socket = require('node:net').connect(${TCP_PORT}, address)
socket.end(content)
socket.on('data', (chunk) => hash.update(chunk))
socket.on('end', () => {
  const sent = crypto.createHash('sha256').update(content).digest('hex')
  console.log(JSON.stringify({ sent, received: hash.digest('hex') }))
})
`

/** Runs until the lab ends. */
export async function startStampingEcho(host: LabHost): Promise<void> {
  await host.spawn([process.execPath, '-e', ECHO]).waitForOutput(/ready/)
}

export async function ask(from: LabHost, { to, count, everyMs = 0, bytes = 20 }: Asking): Promise<Answer[]> {
  const args = [to, count, everyMs, bytes, QUIET_MS].map(String)
  const { stdout, stderr } = await from.exec([process.execPath, '-e', CLIENT, ...args])
  expect(stdout, stderr).toMatch(/^\[/)
  return JSON.parse(stdout)
}

/** Sends so many random bytes to an echo and takes them back; both as SHA-256. */
export async function tcpRoundTrip(
  from: LabHost,
  to: LabHost,
  bytes: number,
): Promise<{ sent: string; received: string }> {
  await using echo = to.spawn([process.execPath, '-e', TCP_ECHO])
  await echo.waitForOutput(/ready/)
  const { stdout, stderr } = await from.exec([process.execPath, '-e', TCP_CLIENT, to.address, String(bytes)])
  expect(stdout, stderr).toMatch(/^\{/)
  return JSON.parse(stdout)
}
