import { isIPv6 } from 'node:net'

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string, family: number) => void

/** Lookup for sockets that only ever get IP addresses: at once, without the resolver's detour per datagram. */
export function literalLookup(address: string, _options: unknown, callback: LookupCallback): void {
  callback(null, address, isIPv6(address) ? 6 : 4)
}
