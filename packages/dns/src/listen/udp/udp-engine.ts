import { closeSync } from 'node:fs'
import type { Logger } from '@edgeway/core'
import { DnsUdpEngineError, SystemCallError } from '../../errors.ts'
import type { DnsOptions } from '../../options.ts'
import { batchEngine } from './batch-listener.ts'
import { DatagramBatch } from './datagram-batch.ts'
import { DGRAM_ENGINE } from './dgram-listener.ts'
import { type DatagramCalls, loadDatagramCalls } from './libc.ts'
import type { UdpEngine } from './udp-listener.ts'

/** AF_UNIX, and a type as in `datagram-socket.ts`, of asm-generic. */
const AF_UNIX = 1
const SOCK_DGRAM_NONBLOCK = 2 | 0o4000

/** One more than are sent, so that the count comes from the kernel. */
const TRIAL_SLOTS = 3
const TRIAL_SLOT_BYTES = 8
const TRIAL_MESSAGES = [Buffer.from('edge'), Buffer.from('way')] as const

/**
 * The engine for UDP on this machine, found by trying.
 *
 * @throws {DnsUdpEngineError} when the one that is forced does not work
 */
export async function udpEngineOf(
  { udpEngine }: Pick<DnsOptions, 'udpEngine'>,
  { logger, load = loadDatagramCalls }: { logger: Pick<Logger, 'info'>; load?: typeof loadDatagramCalls },
): Promise<UdpEngine> {
  if (udpEngine === 'dgram') return DGRAM_ENGINE
  try {
    const calls = await load()
    await tryCalls(calls)
    return batchEngine(calls)
  } catch (error) {
    if (udpEngine === 'batch') throw new DnsUdpEngineError(udpEngine, { cause: error })
    logger.info("UDP goes by Node's own sockets, one datagram at a time", { error })
    return DGRAM_ENGINE
  }
}

/** Sends two datagrams from one end of a pair to the other, which needs no network. */
async function tryCalls(calls: DatagramCalls): Promise<void> {
  const pair = Buffer.alloc(8)
  if (calls.socketpair(AF_UNIX, SOCK_DGRAM_NONBLOCK, 0, pair) !== 0)
    throw new SystemCallError('socketpair', calls.errno())
  const [near, far] = [pair.readInt32LE(0), pair.readInt32LE(4)]
  try {
    const [sent, received] = [trialBatch(calls), trialBatch(calls)]
    for (const [slot, message] of TRIAL_MESSAGES.entries()) sent.lay(slot, message)
    if (calls.sendmmsg(near, sent.headersFrom(0), TRIAL_MESSAGES.length, 0) !== TRIAL_MESSAGES.length)
      throw new SystemCallError('sendmmsg', calls.errno())
    await untilReadable(far, calls)
    const count = calls.recvmmsg(far, received.headersFrom(0), TRIAL_SLOTS, 0, null)
    if (count < 0) throw new SystemCallError('recvmmsg', calls.errno())
    const isSame = TRIAL_MESSAGES.every((message, slot) => received.message(slot).equals(message))
    if (count !== TRIAL_MESSAGES.length || !isSame) throw new Error('recvmmsg: not what was sent')
  } finally {
    closeSync(near)
    closeSync(far)
  }
}

function trialBatch({ addressOf }: DatagramCalls): DatagramBatch {
  return new DatagramBatch(TRIAL_SLOTS, TRIAL_SLOT_BYTES, addressOf)
}

/** What is sent within this machine is there at once: the loop's next look finds it. */
async function untilReadable(descriptor: number, calls: DatagramCalls): Promise<void> {
  let isReadable = false
  const poll = calls.poll(descriptor, (status) => {
    isReadable = status >= 0
  })
  try {
    for (let turn = 0; !isReadable && turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
  } finally {
    poll.close()
  }
  if (!isReadable) throw new Error('poll: tells nothing')
}
