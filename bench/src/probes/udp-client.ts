/**
 * `udp-client.ts IP PORT MILLISECONDS [PID...]`: exchanges small datagrams with an echo server and writes a line of JSON, see
 * `UdpExchange`, or why there was nothing to measure. PIDs are of the processes between; one that is gone is an error.
 */
import { createSocket } from 'node:dgram'
import { setTimeout as delay } from 'node:timers/promises'
import { cpuSeconds, machineCpuSeconds } from '../cpu.ts'
import { UdpWindow } from './udp-window.ts'

const WINDOW = { slots: 64, bytes: 100 }
const TICK_MS = 50
/** Answers take microseconds: what has had none for that many ticks is lost. */
const PATIENCE = 4
/** The Service may have been made just now. */
const FIRST_ANSWER_MS = 10_000
const WARM_UP_MS = 500
const MS_PER_SECOND = 1_000
const US_PER_SECOND = 1e6

const [ip = '', port = '', milliseconds = '', ...pids] = process.argv.slice(2)
const socket = createSocket('udp4')
const window = new UdpWindow(WINDOW, (datagram) => socket.send(datagram))

function finish(outcome: object): never {
  process.stdout.write(`${JSON.stringify(outcome)}\n`)
  process.exit(0)
}

async function figuresNow() {
  const [carriers, machine] = await Promise.all([cpuSeconds(pids.map(Number)), machineCpuSeconds()])
  const { user, system } = process.cpuUsage()
  const client = (user + system) / US_PER_SECOND
  const { answered, lost } = window
  return { at: performance.now(), carriers, machine, client, answered, lost }
}

socket.on('message', (answer) => window.take(answer))
socket.on('error', ({ message }) => finish({ reason: message }))
await new Promise<void>((resolve) => socket.connect(Number(port), ip, resolve))
window.start()
setInterval(() => window.tick(PATIENCE), TICK_MS)

const giveUpAt = performance.now() + FIRST_ANSWER_MS
while (window.answered === 0) {
  if (performance.now() > giveUpAt)
    finish({ reason: `no datagram came back within ${FIRST_ANSWER_MS / MS_PER_SECOND} s` })
  await delay(TICK_MS)
}
await delay(WARM_UP_MS)
const before = await figuresNow()
await delay(Number(milliseconds))
const after = await figuresNow()

finish({
  seconds: (after.at - before.at) / MS_PER_SECOND,
  answered: after.answered - before.answered,
  lost: after.lost - before.lost,
  carrierCpuSeconds: after.carriers - before.carriers,
  machineCpuSeconds: after.machine - before.machine,
  clientCpuSeconds: after.client - before.client,
})
