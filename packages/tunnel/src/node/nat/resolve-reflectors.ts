import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { abortable } from '../abortable.ts'

/** A reflector: a name or an IP address, and a TCP port. */
export interface ReflectorAddress {
  readonly host: string
  readonly port: number
}

/** A reflector's IP address and port. */
export interface ReflectorPlace {
  readonly reflector: ReflectorAddress
  readonly ip: string
  readonly port: number
}

/** A name that takes longer is of no use: other reflectors wait for it. */
const LOOKUP_MS = 3_000

/**
 * The reflectors that have an IPv4 address, and those that have an IPv6 one: one port of this host is of one family. Empty
 * where there is none. Rejects with the signal's reason when that aborts first.
 */
export async function resolveReflectors(
  reflectors: readonly ReflectorAddress[],
  signal: AbortSignal,
): Promise<readonly (readonly ReflectorPlace[])[]> {
  const found = await Promise.all(reflectors.map(({ host }) => addressesOf(host, signal)))
  signal.throwIfAborted()
  return [4, 6].map((family) =>
    reflectors.flatMap((reflector, index) => {
      const ip = found[index]?.find((address) => isIP(address) === family)
      return ip === undefined ? [] : [{ reflector, ip, port: reflector.port }]
    }),
  )
}

/** Never rejects; none where the name is unknown. */
async function addressesOf(host: string, signal: AbortSignal): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host]
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LOOKUP_MS)])
  try {
    const found = await abortable(lookup(host, { all: true }), limit)
    return found.map(({ address }) => address)
  } catch {
    // As good as a reflector that does not answer.
    return []
  }
}
