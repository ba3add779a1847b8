import { isIP } from 'node:net'
import { ProtocolError } from './errors.ts'
import { asObject, type JsonObject, textField } from './protocol/json.ts'

/**
 * Which public port a NAT gives to a local one. `none`: the local address itself is the public one. `symmetric`: another one
 * for each destination. `unknown`: nobody could be asked.
 *
 * @see RFC 4787, section 4.1; RFC 5382, section 4.1
 */
export const NAT_MAPPINGS = ['none', 'endpoint-independent', 'symmetric', 'unknown'] as const

export type NatMapping = (typeof NAT_MAPPINGS)[number]

/**
 * What becomes of a connection to a mapped port from a port that was never sent to, of a host that was. `open`: it gets in
 * (filtering by address, or none). `drop`: nothing is answered. `reject`: it is refused.
 *
 * @see RFC 4787, section 5; RFC 5382, section 4.3
 */
export const NAT_FILTERINGS = ['open', 'drop', 'reject', 'unknown'] as const

export type NatFiltering = (typeof NAT_FILTERINGS)[number]

/** What all NATs and firewalls between a node and the internet do together. */
export interface NatType {
  readonly mapping: NatMapping
  readonly filtering: NatFiltering
}

export const UNKNOWN_NAT: NatType = { mapping: 'unknown', filtering: 'unknown' }

/** A public address that a NAT gave to a local port. */
export interface Mapping {
  readonly ip: string
  readonly port: number
}

/**
 * What a side does to meet the other one. `simultaneous`: both dial each other from the ports whose mappings they told.
 * `listen`: it opens its filter towards the other side's address, then takes a connection at its mapped port; `dial`: the
 * counterpart of that.
 */
export type PunchRole = 'simultaneous' | 'listen' | 'dial'

/**
 * How two nodes can meet by TCP through their NATs, from the side of the first one; `undefined` where they can't:
 * a symmetric NAT tells nobody the port that it is going to use, so the other side must let in whatever port comes.
 */
export function punchRole(own: NatType, peer: NatType): PunchRole | undefined {
  const [isOwnSymmetric, isPeerSymmetric] = [own.mapping === 'symmetric', peer.mapping === 'symmetric']
  if (isOwnSymmetric && isPeerSymmetric) return undefined
  if (isOwnSymmetric) return mayLetIn(peer) ? 'dial' : undefined
  if (isPeerSymmetric) return mayLetIn(own) ? 'listen' : undefined
  return roleOfKnownPorts(own, peer)
}

/** To be let in is surer than to meet at the same moment. */
function roleOfKnownPorts({ filtering: own }: NatType, { filtering: peer }: NatType): PunchRole {
  if (own === peer) return 'simultaneous'
  if (peer === 'open') return 'dial'
  return own === 'open' ? 'listen' : 'simultaneous'
}

/** For logs and metrics, e.g. `endpoint-independent/drop`. */
export function formatNatType({ mapping, filtering }: NatType): string {
  return `${mapping}/${filtering}`
}

/** @throws {ProtocolError} when it is no object; what is not known yet reads as `unknown` */
export function natTypeOf(value: unknown): NatType {
  const object = asObject(value, 'field nat')
  return {
    mapping: knownField(object, 'mapping', NAT_MAPPINGS),
    filtering: knownField(object, 'filtering', NAT_FILTERINGS),
  }
}

function knownField<Value extends string>(
  object: JsonObject,
  name: string,
  values: readonly Value[],
): Value | 'unknown' {
  const text = textField(object, name, 100)
  return values.find((value) => value === text) ?? 'unknown'
}

function mayLetIn({ filtering }: NatType): boolean {
  return filtering === 'open' || filtering === 'unknown'
}

/** @throws {ProtocolError} when an IP address or a port is missing or malformed */
export function mappingOf(value: unknown): Mapping {
  const object = asObject(value, 'field mapping')
  const ip = textField(object, 'ip', 45)
  const port = object['port']
  // With a zone (`fe80::1%eth0`) it means something on one host only.
  if (isIP(ip) === 0 || ip.includes('%'))
    throw new ProtocolError(`field ip is ${JSON.stringify(ip)}, expected an IP address`)
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535)
    throw new ProtocolError(`field port is ${shown(port)}, expected a port from 1 to 65535`)
  return { ip, port }
}

/** Short, whatever it is: it goes back to whoever sent it. */
function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'missing').slice(0, 100)
}
