import { LabError } from './errors.ts'
import type { HostPlan, UplinkPlan } from './host-plan.ts'
import { mustRun } from './run-command.ts'

export type LinkState = 'up' | 'down'

export interface RateLimit {
  /** In each direction. */
  readonly bitsPerSecond: number
}

/** States of a bridge port, BR_STATE_* in linux/if_bridge.h. */
const PORT_STATES: Readonly<Record<LinkState, string>> = { down: '0', up: '3' }

/** Bytes that may pass at once: 10 ms worth, and never less than some full frames. */
const BURST_SECONDS = 0.01
const MIN_BURST_BYTES = 16_384

/** How long a byte may wait before what comes after it is dropped, as in a modem's buffer. */
const QUEUE_MS = 50

/**
 * Cuts or restores a host's link at the far side, as in a switch that fails: frames vanish in both directions and no
 * device loses its carrier, so nobody is told.
 */
export async function setLink(host: HostPlan, state: LinkState): Promise<void> {
  const { bridgeNamespace, port } = uplinkOf(host)
  // Not `ip link set … state`: its change of the link lets the bridge enable the port at once again.
  await mustRun(['bridge', '-n', bridgeNamespace, 'link', 'set', 'dev', port, 'state', PORT_STATES[state]])
}

/** Limits what a host sends and receives; replaces the limit before. */
export async function limitRate(host: HostPlan, { bitsPerSecond }: RateLimit): Promise<void> {
  const burst = Math.max(MIN_BURST_BYTES, Math.ceil((bitsPerSecond / 8) * BURST_SECONDS))
  const tbf = `tbf rate ${bitsPerSecond}bit burst ${burst} latency ${QUEUE_MS}ms`
  await forBothEnds(host, (device) => `qdisc replace dev ${device} root ${tbf}`)
}

/** Takes a rate limit away; without one it fails. */
export async function removeRateLimit(host: HostPlan): Promise<void> {
  await forBothEnds(host, (device) => `qdisc delete dev ${device} root`)
}

async function forBothEnds(host: HostPlan, line: (device: string) => string): Promise<void> {
  const { device, bridgeNamespace, port } = uplinkOf(host)
  await Promise.all([
    mustRun(['tc', '-n', host.namespace, '-batch', '-'], { input: line(device) }),
    mustRun(['tc', '-n', bridgeNamespace, '-batch', '-'], { input: line(port) }),
  ])
}

function uplinkOf({ name, uplink }: HostPlan): UplinkPlan {
  if (uplink === undefined) throw new LabError(`${name} has no link`)
  return uplink
}
