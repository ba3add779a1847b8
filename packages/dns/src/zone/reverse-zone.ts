import {
  isPublished,
  type Service,
  type ServiceDirectory,
  type ServicePort,
  type ServicePortName,
} from '@edgeway/core'
import type { Handler } from '../handler.ts'
import { RCODE } from '../wire/codes.ts'
import { hostNameOf } from './host-name.ts'
import { answerOfType, type NameAnswers, onlyAnswer } from './name-answers.ts'
import { isReverseName, reverseNameOf } from './reverse-name.ts'
import { type ClusterZoneOptions, startOfAuthority, ZoneRecords } from './zone-records.ts'

export type ReverseZoneServices = Pick<
  ServiceDirectory,
  'servicePorts' | 'servicePort' | 'serviceOf' | 'endpoints' | 'watch'
>

/** A name of the cluster at a name of the reverse tree. */
interface Claim {
  readonly reverseName: string
  readonly target: string
}

/** What is at a name of the reverse tree. */
interface ReverseEntry {
  /** By the ServicePorts that say so. */
  readonly targets: Map<ServicePortName, Set<string>>
  /** Made when first asked for. */
  answers: NameAnswers | undefined
}

/**
 * PTR records of ClusterIPs and of the endpoints of headless Services: specification, 2.3.3 and 2.4.3. Addresses that
 * the directory does not know are left to the next handler. Follows the directory until it is disposed.
 */
export class ReverseZone implements Disposable {
  readonly #records: ZoneRecords
  readonly #services: ReverseZoneServices
  readonly #soa: Buffer
  readonly #claims = new Map<ServicePortName, readonly Claim[]>()
  readonly #entries = new Map<string, ReverseEntry>()
  readonly #watch: Disposable

  constructor(options: ClusterZoneOptions, services: ReverseZoneServices) {
    this.#records = new ZoneRecords(options)
    this.#services = services
    // Each address that is known is a zone of its own: the rest of the reverse tree belongs to others.
    this.#soa = this.#records.encode({ record: startOfAuthority(this.#records.domain, options.ttlSeconds) })
    for (const { name } of services.servicePorts()) this.#refresh(name)
    this.#watch = services.watch((name) => this.#refresh(name))
  }

  readonly handle: Handler = ({ labels, type }) => {
    if (!isReverseName(labels)) return undefined
    const entry = this.#entries.get(labels.join('.'))
    if (entry === undefined) return undefined
    entry.answers ??= this.#answersOf(entry)
    return answerOfType(entry.answers, type)
  }

  /** Whether the directory knows the address that the name stands for. */
  has(labels: readonly string[]): boolean {
    return isReverseName(labels) && this.#entries.has(labels.join('.'))
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]()
  }

  #answersOf({ targets }: ReverseEntry): NameAnswers {
    const names = new Set([...targets.values()].flatMap((some) => [...some]))
    const answers = [...names].map((data) => this.#records.encode({ record: { type: 'PTR', data } }))
    const noType = this.#records.negative('no-type', RCODE.NOERROR, this.#soa)
    return onlyAnswer('ptr', this.#records.positive('address', answers), noType)
  }

  #refresh(name: ServicePortName): void {
    const before = this.#claims.get(name) ?? []
    const after = this.#claimsOf(name)
    // Endpoints of Services with a ClusterIP come and go without a change here.
    if (sameClaims(before, after)) return
    for (const { reverseName } of before) this.#forget(name, reverseName)
    for (const claim of after) this.#add(name, claim)
    if (after.length === 0) this.#claims.delete(name)
    else this.#claims.set(name, after)
  }

  #add(name: ServicePortName, { reverseName, target }: Claim): void {
    const entry = this.#entries.get(reverseName) ?? { targets: new Map(), answers: undefined }
    const targets = entry.targets.get(name) ?? new Set()
    entry.targets.set(name, targets.add(target))
    entry.answers = undefined
    this.#entries.set(reverseName, entry)
  }

  #forget(name: ServicePortName, reverseName: string): void {
    const entry = this.#entries.get(reverseName)
    if (entry === undefined) return
    entry.targets.delete(name)
    entry.answers = undefined
    if (entry.targets.size === 0) this.#entries.delete(reverseName)
  }

  #claimsOf(name: ServicePortName): readonly Claim[] {
    const [port, service] = [this.#services.servicePort(name), this.#services.serviceOf(name)]
    if (port === undefined || service === undefined || service.externalName !== undefined) return []
    return service.headless ? this.#endpointClaims(service, port) : this.#clusterIpClaims(service)
  }

  #clusterIpClaims(service: Service): readonly Claim[] {
    const target = this.#records.nameOf(service)
    return service.clusterIps.map((ip) => ({ reverseName: reverseNameOf(ip), target }))
  }

  #endpointClaims(service: Service, { name }: ServicePort): readonly Claim[] {
    const suffix = this.#records.nameOf(service)
    return this.#services
      .endpoints(name)
      .filter((endpoint) => isPublished(service, endpoint))
      .map((endpoint) => ({
        reverseName: reverseNameOf(endpoint.ip),
        target: `${hostNameOf(endpoint)}.${suffix}`,
      }))
  }
}

function sameClaims(before: readonly Claim[], after: readonly Claim[]): boolean {
  return (
    before.length === after.length &&
    before.every(({ reverseName, target }, index) => {
      const other = after[index]
      return other?.reverseName === reverseName && other.target === target
    })
  )
}
