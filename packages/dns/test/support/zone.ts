import {
  type Endpoint,
  formatServicePortName,
  type NodeName,
  type Protocol,
  type Service,
  type ServicePort,
} from '@edgeway/core'
import { endpointAt, FakeServiceDirectory, serviceOf } from '@edgeway/testbed'
import { chain } from '../../src/handler.ts'
import { decodeQuery } from '../../src/message.ts'
import { encodeResponse } from '../../src/wire/response.ts'
import { clusterZone } from '../../src/zone/cluster-zone.ts'
import { ReverseZone } from '../../src/zone/reverse-zone.ts'
import { decode, queryOf, rcodeIn } from './query.ts'

export type AskedType = Parameters<typeof queryOf>[1]

const OPTIONS = { clusterDomain: 'cluster.local', ttlSeconds: 5 }

/** The cluster zone and the reverse zone over a directory that tests fill. */
export class ZoneUnderTest implements Disposable {
  readonly directory: FakeServiceDirectory
  readonly #reverse: ReverseZone
  readonly #handler: ReturnType<typeof chain>

  constructor({ loaded = true } = {}) {
    this.directory = new FakeServiceDirectory({ loaded })
    this.#reverse = new ReverseZone(OPTIONS, this.directory)
    this.#handler = chain(clusterZone(OPTIONS, this.directory), this.#reverse.handle)
  }

  [Symbol.dispose](): void {
    this.#reverse[Symbol.dispose]()
  }

  /** The shared answer itself; `undefined` for names that are left to others. */
  answer(name: string, type: AskedType = 'A') {
    const decoded = decodeQuery(queryOf(name, type))
    if (decoded.kind !== 'query') throw new Error('the test asks well')
    const answer = this.#handler(decoded.query, { transport: 'udp' })
    if (answer instanceof Promise) throw new Error('the zones answer at once')
    return answer
  }

  /** The answer as a client reads it, records as lines `name type data`. */
  ask(name: string, type: AskedType = 'A', maxBytes = 1_232) {
    const answer = this.answer(name, type)
    if (answer === undefined) return undefined
    // With this id addresses are in the order in which they are held.
    const decoded = decodeQuery(queryOf(name, type, { id: 0 }))
    if (decoded.kind !== 'query') throw new Error('the test asks well')
    const message = encodeResponse(decoded.query, answer.content, maxBytes)
    const { answers = [], authorities = [], additionals = [], flag_aa, flag_tc } = decode(message)
    return {
      rule: answer.rule,
      rcode: rcodeIn(message),
      answers: answers.map(lineOf),
      authorities: authorities.map(({ name: owner, type: its }) => `${owner} ${its}`),
      additionals: additionals.map(lineOf),
      isAuthoritative: flag_aa,
      isTruncated: flag_tc,
    }
  }
}

function lineOf(record: NonNullable<ReturnType<typeof decode>['answers']>[number]): string {
  const data = 'data' in record ? record.data : undefined
  if (record.type === 'SRV') {
    const { priority, weight, port, target } = record.data
    return `${record.name} SRV ${priority} ${weight} ${port} ${target}`
  }
  return `${record.name} ${record.type} ${String(data)}`
}

/** A port of a Service: name, number, protocol. */
export type PortText = readonly [name: string, port: number, protocol?: Protocol]

/** A Service `namespace/name` with these ports; headless without ClusterIPs. */
export function zoneService(
  text: string,
  ports: readonly PortText[],
  { clusterIps = [], ...others }: Partial<Service> = {},
): Service {
  const base = serviceOf(text, '', 0)
  const [first] = base.ports
  if (first === undefined) throw new Error('serviceOf makes a port')
  return {
    ...base,
    clusterIps,
    headless: clusterIps.length === 0,
    ports: ports.map(
      ([name, port, protocol = 'TCP']): ServicePort => ({
        ...first,
        name: formatServicePortName(base.namespace, base.name, name),
        port,
        protocol,
        clusterIps,
      }),
    ),
    ...others,
  }
}

/** An ExternalName Service. */
export function aliasService(text: string, externalName: string): Service {
  return zoneService(text, [], { type: 'ExternalName', headless: false, externalName })
}

/** A ready endpoint on port 5432. */
export function zoneEndpoint(ip: string, others: Partial<Endpoint> = {}): Endpoint {
  return {
    ...endpointAt({ node: 'edge-1' as NodeName, ip, port: 5432, protocol: 'TCP' }),
    ...others,
  }
}
