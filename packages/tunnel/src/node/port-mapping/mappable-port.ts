import { isIPv4 } from 'node:net'
import type { Multiaddr } from '@multiformats/multiaddr'
import { isPublic, parsePeerAddress } from '../../addresses.ts'

/**
 * The TCP port that a router could map: that of a private IPv4 address which others can reach. `undefined` where a public
 * one is listened at, or nothing that is not this host's own.
 *
 * @param listening - multiaddrs, wildcards resolved to the interfaces' addresses
 * @param ofPods - IP addresses that no other host reaches; see `podNetworkAddresses`
 */
export function mappablePort(
  listening: ReadonlySet<string>,
  ofPods: ReadonlySet<string>,
): number | undefined {
  const addresses = [...listening]
    .map(parsePeerAddress)
    .filter((address) => address !== undefined)
    .filter((address) => isOfLan(hostOf(address)) && !ofPods.has(hostOf(address)))
  if (addresses.some(isPublic)) return undefined
  const port = addresses[0]?.getComponents()[1]?.value
  return port === undefined ? undefined : Number(port)
}

function isOfLan(host: string): boolean {
  return isIPv4(host) && !host.startsWith('127.') && !host.startsWith('169.254.')
}

function hostOf(address: Multiaddr): string {
  return address.getComponents()[0]?.value ?? ''
}
