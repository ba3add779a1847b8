import { readFileSync } from 'node:fs'
import { endianness } from 'node:os'

/** A way to the internet: its device, and the IPv4 address of the router there. */
export interface DefaultRoute {
  readonly device: string
  readonly ip: string
}

const ROUTES_FILE = '/proc/net/route'
/** RTF_UP and RTF_GATEWAY in linux/route.h. */
const UP_BY_GATEWAY = 0x3
const NOWHERE = '00000000'

/** As `parseDefaultRoutes`, of this host now; none where the kernel does not tell. A file of the kernel's memory: nothing waits. */
export function readDefaultRoutes(): readonly DefaultRoute[] {
  try {
    return parseDefaultRoutes(readFileSync(ROUTES_FILE, 'utf8'))
  } catch {
    // No Linux, or no file descriptor is left.
    return []
  }
}

/**
 * The default routes of the main table by IPv4, the one that the kernel takes first: that with the smallest metric.
 *
 * @param table - /proc/net/route: a header, then Iface, Destination, Gateway, Flags, RefCnt, Use, Metric, Mask, …
 * @see proc_pid_net(5)
 */
export function parseDefaultRoutes(table: string): readonly DefaultRoute[] {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, destination, , flags = '', , , , mask]) => {
      return destination === NOWHERE && mask === NOWHERE && isUpByGateway(flags)
    })
    .toSorted((a, b) => Number(a[6]) - Number(b[6]))
    .map(([device = '', , gateway = '']) => ({ device, ip: parseAddress(gateway) }))
    .filter((route): route is DefaultRoute => route.ip !== undefined)
}

function isUpByGateway(flags: string): boolean {
  return (Number.parseInt(flags, 16) & UP_BY_GATEWAY) === UP_BY_GATEWAY
}

/** The kernel prints the four bytes as one number of its own byte order. */
function parseAddress(hex: string): string | undefined {
  if (!/^[0-9A-F]{8}$/i.test(hex)) return undefined
  const bytes = [...Buffer.from(hex, 'hex')]
  return (endianness() === 'LE' ? bytes.reverse() : bytes).join('.')
}
