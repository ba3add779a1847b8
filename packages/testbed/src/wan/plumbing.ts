import type { UplinkPlan } from '../lab/host-plan.ts'

/**
 * Devices of an emulated link, all in the namespace of the bridge that the host is connected to. The host's port leaves
 * the bridge, `segment` takes its place, and what comes in at one is forwarded before the kernel's bridge, filter or stack
 * see it:
 *
 * `port - host … segment - bridge`
 *
 * `host … segment` are two TAP devices and a process between them. With netem they are veth pairs,
 * `host ~ hostPeer - segmentPeer ~ segment`: the outer ends cut large packets of the kernel into frames, the queues of
 * the inner ends see frames only.
 */
export interface WanDevices {
  readonly host: string
  readonly segment: string
  readonly hostPeer: string
  readonly segmentPeer: string
}

/** Frames that may wait for the process while it does not run. */
const TAP_QUEUE_FRAMES = 10_000
/** After the loss of `impairments.ts`, whose chains have priority 0. */
const PRIORITY = 10

export function devicesOf({ portIndex }: UplinkPlan): WanDevices {
  const [host, hostPeer] = [`em${portIndex}h`, `em${portIndex}i`]
  const [segment, segmentPeer] = [`em${portIndex}s`, `em${portIndex}t`]
  return { host, segment, hostPeer, segmentPeer }
}

/** Lines for `ip -batch`: sets up the TAP devices, which are the process's. */
export function tapLines(uplink: UplinkPlan): string[] {
  const { host, segment } = devicesOf(uplink)
  return [host, segment].flatMap((device) => [
    `link set ${device} txqueuelen ${TAP_QUEUE_FRAMES}`,
    ...upLines(device),
  ])
}

/** Lines for `ip -batch`: makes the veth pairs for netem. */
export function vethLines(uplink: UplinkPlan): string[] {
  const { host, segment, hostPeer, segmentPeer } = devicesOf(uplink)
  return [
    `link add ${host} type veth peer name ${hostPeer}`,
    `link add ${segment} type veth peer name ${segmentPeer}`,
    ...[host, segment].map((device) => `link set ${device} gso_max_segs 1`),
    ...[host, segment, hostPeer, segmentPeer].flatMap(upLines),
  ]
}

/** Lines for `ip -batch`: takes the veth pairs away; TAP devices go with their process. */
export function vethRemovalLines(uplink: UplinkPlan): string[] {
  const { host, segment } = devicesOf(uplink)
  return [host, segment].map((device) => `link delete ${device}`)
}

/** For `nft -f`: everything that comes in at the one goes out at the other. */
export function forwardingRules(uplink: UplinkPlan, pairs: readonly (readonly [string, string])[]): string {
  const chain = (from: string, to: string): string =>
    `chain ${from} { type filter hook ingress device "${from}" priority ${PRIORITY}; fwd to "${to}"; }`
  const chains = pairs.flatMap(([one, other]) => [chain(one, other), chain(other, one)])
  return [`table netdev ${tableOf(uplink)} {`, ...chains, '}'].join('\n')
}

/** For `nft -f`. */
export function forwardingRemoval(uplink: UplinkPlan): string {
  return `delete table netdev ${tableOf(uplink)}`
}

/** Lines for `ip -batch`: puts the emulated link in the place of the host's port. */
export function insertLines(uplink: UplinkPlan): string[] {
  const { segment } = devicesOf(uplink)
  return [`link set ${segment} master ${uplink.bridge}`, `link set ${uplink.port} nomaster`]
}

/** Lines for `ip -batch`: gives the host's port its place again. */
export function removeLines(uplink: UplinkPlan): string[] {
  const { segment } = devicesOf(uplink)
  return [`link set ${segment} nomaster`, `link set ${uplink.port} master ${uplink.bridge}`]
}

function tableOf({ portIndex }: UplinkPlan): string {
  return `em${portIndex}`
}

/** Without an IPv6 address of its own, which it would make known on the link. */
function upLines(device: string): string[] {
  return [`link set ${device} addrgenmode none`, `link set ${device} up`]
}
