/**
 * `packet-delay.ts DEVICE MILLISECONDS`: makes a TUN device and gives back each packet that is routed into it that much
 * later, in order. Writes `{"ready":true}` once the device is there; ends by SIGTERM. For kernels without netem.
 */
import { read, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { openTun } from './tun-device.ts'

const MAX_PACKET_BYTES = 65_536
/** As many packets as a link of 1 Gbit/s has under way in 100 ms. */
const MAX_WAITING = 10_000

interface Waiting {
  readonly packet: Buffer
  readonly dueAt: number
}

const [device = '', milliseconds = ''] = process.argv.slice(2)
const delayMs = Number(milliseconds)
const { descriptor } = openTun(device)
const queue: Waiting[] = []
let first = 0

/** Sends what is due; timers are late by up to a millisecond, so several may be. */
function release(): void {
  const now = performance.now()
  for (let next = queue[first]; next !== undefined && next.dueAt <= now; next = queue[first]) {
    writeSync(descriptor, next.packet)
    first++
  }
  if (first === queue.length) queue.length = first = 0
  const next = queue[first]
  if (next !== undefined) setTimeout(release, Math.max(0, next.dueAt - performance.now()))
}

process.on('SIGTERM', () => process.exit(0))
process.stdout.write('{"ready":true}\n')
const readPacket = promisify(read)
const buffer = Buffer.allocUnsafe(MAX_PACKET_BYTES)
for (;;) {
  const { bytesRead } = await readPacket(descriptor, buffer, 0, buffer.length, null)
  if (queue.length - first >= MAX_WAITING) continue
  queue.push({ packet: Buffer.from(buffer.subarray(0, bytesRead)), dueAt: performance.now() + delayMs })
  if (queue.length - first === 1) setTimeout(release, delayMs)
}
