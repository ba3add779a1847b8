import type { Service } from '@edgeway/core'
import { AddressAnswers } from './address-answers.ts'
import type { NameAnswers, PortAnswers, ServiceAnswers } from './name-answers.ts'
import { type NamedPort, portAnswers, portNameOf } from './port-answers.ts'
import type { ZoneRecords } from './zone-records.ts'

const NO_HOSTS: ReadonlyMap<string, NameAnswers> = new Map()

/** A Service with ClusterIPs: specification, 2.3. Its endpoints have no names. */
export class ClusterIpAnswers implements ServiceAnswers {
  readonly #records: ZoneRecords
  readonly #service: Service
  readonly own: NameAnswers
  readonly hosts = NO_HOSTS
  #ports: PortAnswers | undefined

  constructor(records: ZoneRecords, service: Service) {
    this.#records = records
    this.#service = service
    this.own = new AddressAnswers(records, 'service', service.clusterIps)
  }

  get ports(): PortAnswers {
    this.#ports ??= portAnswers(this.#records, this.#namedPorts())
    return this.#ports
  }

  #namedPorts(): NamedPort[] {
    const target = this.#records.nameOf(this.#service)
    const ips = this.#service.clusterIps
    return this.#service.ports
      .map((port) => ({
        name: portNameOf(this.#service, port).toLowerCase(),
        protocol: port.protocol,
        targets: [{ target, ips, port: port.port }],
      }))
      .filter(({ name }) => name !== '')
  }
}
