import type { UplinkPlan } from '../lab/host-plan.ts'
import { runCommand } from '../lab/run-command.ts'
import { devicesOf } from './plumbing.ts'
import type { Impairment, Impairments } from './wan-spec.ts'

/** Frames under way that a queue may hold: 1 Gbit/s for a second. */
const LIMIT_FRAMES = 100_000
/** A frame goes after the one before it only where there is a rate: otherwise jitter would reorder. */
const ORDERING_RATE = '100gbit'
/** What may pass at once: a full frame, and what a timer of the kernel is late by. */
const MIN_BURST_BYTES = 3_028
const BURST_SECONDS = 0.001

/**
 * Lines for `tc -batch`: makes netem's link do that, whatever it did before.
 *
 * @see tc-netem(8), tc-tbf(8)
 */
export function netemLines(uplink: UplinkPlan, { sent, received }: Impairments): string[] {
  const { hostPeer, segmentPeer } = devicesOf(uplink)
  return [...qdiscLines(segmentPeer, sent), ...qdiscLines(hostPeer, received)]
}

function qdiscLines(device: string, impairment: Impairment): string[] {
  const { delayMs, jitterMs, lossPercent, reorderPercent, bitsPerSecond, queueMs } = impairment
  const netem = [
    `limit ${LIMIT_FRAMES}`,
    // netem spreads to both sides of the delay.
    ...(delayMs + jitterMs > 0 ? [`delay ${delayMs + jitterMs / 2}ms ${jitterMs / 2}ms`] : []),
    ...(lossPercent > 0 ? [`loss ${lossPercent}%`] : []),
    ...(reorderPercent > 0 ? [`reorder ${reorderPercent}%`] : []),
    `rate ${ORDERING_RATE}`,
  ]
  const burst = Math.max(MIN_BURST_BYTES, Math.ceil((bitsPerSecond / 8) * BURST_SECONDS))
  const line =
    bitsPerSecond === 0
      ? `pfifo limit ${LIMIT_FRAMES}`
      : `tbf rate ${bitsPerSecond}bit burst ${burst} latency ${queueMs}ms`
  return [
    `qdisc replace dev ${device} root handle 1: netem ${netem.join(' ')}`,
    `qdisc replace dev ${device} parent 1:1 handle 10: ${line}`,
  ]
}

/** True where this kernel has netem. */
export async function hasNetem(): Promise<boolean> {
  const command = ['unshare', '--net', 'tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms']
  return (await runCommand(command)).code === 0
}
