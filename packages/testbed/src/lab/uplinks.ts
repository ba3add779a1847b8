import { LabError } from './errors.ts'
import { portLines, type UplinkPlan } from './host-plan.ts'
import type { LinkState } from './impairments.ts'
import type { LabHost } from './lab-host.ts'
import { mustRun } from './run-command.ts'
import { hasHost, macOf, subnetOf } from './subnet.ts'

export interface SecondUplinkSpec {
  /** In the subnet of the site, free there. */
  readonly address: string
  /** Of its default route; that of the first uplink has 0. */
  readonly metric?: number
}

/** After the first uplink's. */
const DEVICE = { name: 'eth1', index: 9 }
/** Apart from the indices that `LabPlan` gives to ports. */
const FIRST_PORT_INDEX = 5_000
const DEFAULT_METRIC = 200

/**
 * Connects a node to a second site, as a box with cable and cellular modem is: another device, address and default route,
 * which counts when there is no better one.
 *
 * @param router - of the second site
 * @throws {LabError} when the address does not fit there
 */
export async function addUplink(
  { plan: node }: LabHost,
  { plan: router }: LabHost,
  { address, metric = DEFAULT_METRIC }: SecondUplinkSpec,
): Promise<SecondUplink> {
  const { bridge } = router
  if (bridge === undefined || !hasHost(subnetOf(bridge.cidr), address))
    throw new LabError(`${node.name} can't have address ${address} at ${router.name}`)
  const position = Number(address.split('.').at(-1))
  const uplink: UplinkPlan = {
    ...{ device: DEVICE.name, cidr: `${address}/${subnetOf(bridge.cidr).prefix}`, gateway: bridge.address },
    ...{ mac: macOf(address), bridgeNamespace: router.namespace, bridge: bridge.device },
    ...{ port: `u${position}-${node.name}`.slice(0, 15), portIndex: FIRST_PORT_INDEX + position },
  }
  const { device, mac, port, portIndex, bridgeNamespace } = uplink
  const pair =
    `link add name ${device} index ${DEVICE.index} address ${mac} netns ${node.namespace} type veth ` +
    `peer name ${port} index ${portIndex} netns ${bridgeNamespace}`
  await mustRun(['ip', '-batch', '-'], { input: pair })
  await mustRun(['ip', '-n', bridgeNamespace, '-batch', '-'], { input: portLines(uplink).join('\n') })
  const input = configuration(uplink, metric).join('\n')
  await mustRun(['ip', '-n', node.namespace, '-batch', '-'], { input })
  return new SecondUplink(node.namespace, uplink, metric)
}

/** A node's way to a second site. */
export class SecondUplink {
  readonly #namespace: string
  readonly #plan: UplinkPlan
  readonly #metric: number

  constructor(namespace: string, plan: UplinkPlan, metric: number) {
    this.#namespace = namespace
    this.#plan = plan
    this.#metric = metric
  }

  get gateway(): string {
    return this.#plan.gateway
  }

  get device(): string {
    return this.#plan.device
  }

  /** As `Lab.setCarrier`. */
  async setCarrier(state: LinkState): Promise<void> {
    await setCarrier({ namespace: this.#namespace, uplink: this.#plan, metric: this.#metric }, state)
  }
}

/**
 * Takes a host's carrier away, or gives it back, as a cable that is pulled. Address and routes go with it and come back, as
 * NetworkManager and systemd-networkd do it; the kernel alone would keep them.
 */
export async function setCarrier(
  { namespace, uplink, metric = 0 }: { namespace: string; uplink?: UplinkPlan; metric?: number },
  state: LinkState,
): Promise<void> {
  if (uplink === undefined) throw new LabError(`${namespace} has no link`)
  const { bridgeNamespace, port, device } = uplink
  await mustRun(['ip', '-n', bridgeNamespace, 'link', 'set', port, state])
  // Without an address, a device has no routes either.
  const lines = state === 'down' ? [`addr flush dev ${device}`] : configuration(uplink, metric)
  await mustRun(['ip', '-n', namespace, '-batch', '-'], { input: lines.join('\n') })
}

function configuration({ device, cidr, gateway }: UplinkPlan, metric: number): string[] {
  return [
    `addr add ${cidr} dev ${device}`,
    `link set ${device} up`,
    `route add default via ${gateway} dev ${device} metric ${metric}`,
  ]
}
