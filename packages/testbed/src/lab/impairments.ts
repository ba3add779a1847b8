import { LabError } from './errors.ts'
import type { HostPlan, UplinkPlan } from './host-plan.ts'
import { mustRun } from './run-command.ts'

export type LinkState = 'up' | 'down'

export interface RateLimit {
  /** In each direction. */
  readonly bitsPerSecond: number
}

/** How many of a hundred packets vanish, by direction as the host sees it; none where it is not given. */
export interface PacketLoss {
  readonly sentPercent?: number
  readonly receivedPercent?: number
}

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
  const { bridgeNamespace, port, portIndex } = uplinkOf(host)
  // Not the state of the bridge's port: an emulated link takes the port's place there.
  const table = `table netdev cut${portIndex}`
  const chains = (['ingress', 'egress'] as const).map(
    (hook) => `chain ${hook} { type filter hook ${hook} device "${port}" priority -10; policy drop; }`,
  )
  const cut = state === 'down' ? [`${table} {`, ...chains, '}'] : []
  const input = [`${table} {}`, `delete ${table}`, ...cut].join('\n')
  await mustRun(['ip', 'netns', 'exec', bridgeNamespace, 'nft', '-f', '-'], { input })
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

/** Lets some of a host's packets vanish at the far side of its link, by chance; replaces what was set before. */
export async function setLoss(host: HostPlan, loss: PacketLoss): Promise<void> {
  const { bridgeNamespace, port, portIndex } = uplinkOf(host)
  const { sentPercent = 0, receivedPercent = 0 } = loss
  const table = `table netdev loss${portIndex}`
  // What the host sends comes in at the port.
  const chain = (hook: 'ingress' | 'egress', percent: number): string =>
    `chain ${hook} { type filter hook ${hook} device "${port}" priority 0; numgen random mod 100 < ${percent} drop; }`
  const chains = [
    ...(sentPercent > 0 ? [chain('ingress', sentPercent)] : []),
    ...(receivedPercent > 0 ? [chain('egress', receivedPercent)] : []),
  ]
  const input = [`${table} {}`, `delete ${table}`, `${table} {`, ...chains, '}'].join('\n')
  await mustRun(['ip', 'netns', 'exec', bridgeNamespace, 'nft', '-f', '-'], { input })
}

/**
 * Gives a host another address, as a DHCP server does: the old one is gone, and with it what was bound to it; routes stay.
 *
 * @param before - the plan with the old address; `after` - with the new one, in the same subnet
 */
export async function changeAddress(before: HostPlan, after: HostPlan): Promise<void> {
  const { device, cidr } = uplinkOf(before)
  // The new address is a secondary one until the old one goes; else the routes of the device would go with it.
  const lines = [
    `sysctl -qw net.ipv4.conf.${device}.promote_secondaries=1`,
    `ip addr add ${uplinkOf(after).cidr} dev ${device}`,
    `ip addr del ${cidr} dev ${device}`,
  ]
  await mustRun(['ip', 'netns', 'exec', before.namespace, 'sh', '-ec', lines.join('\n')])
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
