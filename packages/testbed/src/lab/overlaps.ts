import { LabError } from './errors.ts'
import { formatSubnet, overlap, parseSubnet, type Subnet } from './subnet.ts'
import type { SiteSpec } from './topology.ts'

/**
 * A routed subnet is known on the whole segment, so nobody else can have it.
 *
 * @throws {LabError} when another site has it, or a part of it
 */
export function checkRoutedSites(sites: readonly SiteSpec[]): void {
  for (const routed of sites.filter(({ nat }) => nat === 'none')) {
    const clash = sites.find(
      (other) => other !== routed && overlap(parseSubnet(other.subnet), parseSubnet(routed.subnet)),
    )
    if (clash !== undefined)
      throw new LabError(`sites "${routed.name}" (routed) and "${clash.name}" have overlapping subnets`)
  }
}

/**
 * On one host, the smaller of two overlapping subnets would hide hosts of the other.
 *
 * @throws {LabError} when any of the others overlaps
 */
export function checkApart(host: string, subnet: Subnet, others: readonly Subnet[]): void {
  const clash = others.find((other) => overlap(subnet, other))
  if (clash !== undefined)
    throw new LabError(`${host}: subnets ${formatSubnet(subnet)} and ${formatSubnet(clash)} overlap`)
}
