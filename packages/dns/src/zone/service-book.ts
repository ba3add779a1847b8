import type { Service, ServiceDirectory } from '@edgeway/core'
import { ClusterIpAnswers } from './cluster-ip-answers.ts'
import { ExternalNameAnswers } from './external-name-answers.ts'
import { HeadlessAnswers } from './headless-answers.ts'
import type { NameAnswers, ServiceAnswers } from './name-answers.ts'
import type { ZoneRecords } from './zone-records.ts'

/** The answers of all Services that were asked for, for as long as the directory has those very objects. */
export class ServiceBook {
  readonly #records: ZoneRecords
  readonly #services: Pick<ServiceDirectory, 'endpoints'>
  readonly #clusterIp = new WeakMap<Service, ClusterIpAnswers>()
  readonly #headless = new WeakMap<Service, HeadlessAnswers>()
  readonly #aliases = new WeakMap<Service, ExternalNameAnswers>()
  /** A name with nothing but names below it. */
  readonly nonTerminal: NameAnswers

  constructor(records: ZoneRecords, services: Pick<ServiceDirectory, 'endpoints'>) {
    this.#records = records
    this.#services = services
    const empty = records.nonTerminal
    this.nonTerminal = { a: empty, aaaa: empty, srv: empty, ptr: empty, any: empty, other: empty }
  }

  /** HOT PATH. `undefined` where its endpoints can't be known: the directory knows them by their ports. */
  answersOf(service: Service): ServiceAnswers | undefined {
    if (service.headless) return service.ports.length === 0 ? undefined : this.#headlessOf(service)
    const known = this.#clusterIp.get(service)
    if (known !== undefined) return known
    const answers = new ClusterIpAnswers(this.#records, service)
    this.#clusterIp.set(service, answers)
    return answers
  }

  /** `undefined` where what the Service stands for is no name of DNS. */
  aliasOf(service: Service): ExternalNameAnswers | undefined {
    const known = this.#aliases.get(service)
    if (known !== undefined) return known
    const alias = ExternalNameAnswers.of(this.#records, service)
    if (alias !== undefined) this.#aliases.set(service, alias)
    return alias
  }

  #headlessOf(service: Service): HeadlessAnswers {
    const known = this.#headless.get(service)
    if (known?.isCurrent(this.#services) === true) return known
    const answers = new HeadlessAnswers(this.#records, service, this.#services)
    this.#headless.set(service, answers)
    return answers
  }
}
