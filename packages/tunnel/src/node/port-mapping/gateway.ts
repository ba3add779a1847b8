import { readFile } from 'node:fs/promises'
import { endianness } from 'node:os'

/** The router that packets for the internet go to, by its IPv4 address. */
export interface Gateway {
  readonly ip: string
}

const ROUTES_FILE = '/proc/net/route'
/** RTF_UP and RTF_GATEWAY in linux/route.h. */
const UP_BY_GATEWAY = 0x3
const NOWHERE = '00000000'

/** `undefined` where there is no default route by IPv4, or where its kernel does not tell. */
export async function readDefaultGateway(): Promise<Gateway | undefined> {
  try {
    return defaultGateway(await readFile(ROUTES_FILE, 'utf8'))
  } catch {
    // No Linux: no gateway that could be asked.
    return undefined
  }
}

/**
 * The gateway of the default route that the kernel takes: the one with the smallest metric. Others would be of no use:
 * answers to what comes in by their routers leave by this one.
 *
 * @param table - /proc/net/route: a header, then Iface, Destination, Gateway, Flags, RefCnt, Use, Metric, Mask, …
 * @see proc_pid_net(5)
 */
export function defaultGateway(table: string): Gateway | undefined {
  const defaults = table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, destination, , flags = '', , , , mask]) => {
      return destination === NOWHERE && mask === NOWHERE && isUpByGateway(flags)
    })
    .toSorted((a, b) => Number(a[6]) - Number(b[6]))
  const ip = parseAddress(defaults[0]?.[2] ?? '')
  return ip === undefined ? undefined : { ip }
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
