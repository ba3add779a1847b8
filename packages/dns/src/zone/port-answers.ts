import type { Protocol, Service, ServicePort } from '@edgeway/core'
import { type NameAnswers, onlyAnswer, type PortAnswers } from './name-answers.ts'
import type { ZoneRecords } from './zone-records.ts'

/** Where a named port is: a name of the zone, its addresses and the number to call there. */
export interface PortTarget {
  readonly target: string
  readonly ips: readonly string[]
  readonly port: number
}

/** A named port with all its places, at least one. */
export interface NamedPort {
  /** In lower case. */
  readonly name: string
  readonly protocol: Protocol
  readonly targets: readonly PortTarget[]
}

/** The name of a port within its Service; empty for an unnamed one, which has no SRV records. */
export function portNameOf({ namespace, name }: Service, port: ServicePort): string {
  return port.name.slice(`${namespace}/${name}:`.length)
}

/** SRV records of named ports, with the addresses of what they name as additional records. */
export function portAnswers(records: ZoneRecords, ports: readonly NamedPort[]): PortAnswers {
  const byProtocol = new Map<string, Map<string, NameAnswers>>()
  for (const { name, protocol, targets } of ports) {
    const label = `_${protocol.toLowerCase()}`
    const named = byProtocol.get(label) ?? new Map<string, NameAnswers>()
    byProtocol.set(label, named.set(`_${name}`, answersOf(records, targets)))
  }
  return byProtocol
}

/** All places are alike: equal priority and weight (RFC 2782). */
function answersOf(records: ZoneRecords, targets: readonly PortTarget[]): NameAnswers {
  const answers = targets.map(({ target, port }) =>
    records.encode({ record: { type: 'SRV', data: { target, port, priority: 0, weight: 100 } } }),
  )
  // One name may be there with several ports.
  const ipsOf = new Map(targets.map(({ target, ips }) => [target, ips]))
  const additional = [...ipsOf].flatMap(([target, ips]) => records.addresses(ips, target))
  return onlyAnswer('srv', records.positive('service-port', answers, additional), records.noType)
}
