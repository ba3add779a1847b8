/**
 * The cluster's zone by the Kubernetes DNS specification: pure over the directory. HOT PATH: answers are made once per
 * Service object and its arrays of endpoints, and shared; the directory replaces what changes. Only names of pods, which
 * say their address themselves, are answered anew each time.
 *
 * @see https://github.com/kubernetes/dns/blob/master/docs/specification.md
 */
import type { Service, ServiceDirectory } from '@edgeway/core'
import { type Answer, emptyAnswer, type Handler } from '../handler.ts'
import { RCODE, TYPE } from '../wire/codes.ts'
import { AddressAnswers } from './address-answers.ts'
import { answerOfType, type NameAnswers, type ServiceAnswers } from './name-answers.ts'
import { podIpOf } from './pod-ip.ts'
import { ServiceBook } from './service-book.ts'
import { type ClusterZoneOptions, ZoneRecords } from './zone-records.ts'

/** Version of the specification that `dns-version.<domain>` names. */
const SPECIFICATION_VERSION = '1.1.0'

/** Services that stand for one another, at most: as many as CoreDNS follows. */
const MAX_ALIASES = 8

export type ClusterZoneServices = Pick<ServiceDirectory, 'loaded' | 'service' | 'hasNamespace' | 'endpoints'>

/** Answers every name at and below the cluster's domain; all other names are left to the next handler. */
export function clusterZone(options: ClusterZoneOptions, services: ClusterZoneServices): Handler {
  const zone = new ClusterZone(options, services)
  return ({ labels, type }) => zone.answer(labels, type, 0)
}

class ClusterZone {
  readonly #services: ClusterZoneServices
  readonly #records: ZoneRecords
  readonly #domain: readonly string[]
  readonly #book: ServiceBook
  readonly #apex: Answer
  readonly #version: Answer
  readonly #unknown = emptyAnswer('cluster', 'directory-not-loaded', RCODE.SERVFAIL)
  readonly #endless = emptyAnswer('cluster', 'alias-chain', RCODE.SERVFAIL)

  constructor(options: ClusterZoneOptions, services: ClusterZoneServices) {
    const records = new ZoneRecords(options)
    this.#services = services
    this.#records = records
    this.#domain = records.domain.split('.')
    this.#book = new ServiceBook(records, services)
    this.#apex = records.positive('apex', [records.soa])
    const version = records.encode({ record: { type: 'TXT', data: SPECIFICATION_VERSION } })
    this.#version = records.positive('dns-version', [version])
  }

  /**
   * @param aliases - how many Services have led here
   * @returns `undefined` outside the zone
   */
  answer(labels: readonly string[], type: number, aliases: number): Answer | undefined {
    // How many labels come before the domain.
    const depth = labels.length - this.#domain.length
    if (depth < 0 || !endsWith(labels, this.#domain, depth)) return undefined
    const branch = labels[depth - 1]
    if (branch === 'svc') return this.#ofServices({ labels, depth, type, aliases })
    if (branch === 'pod') return this.#ofPods(labels, depth, type)
    return this.#ofFixedName(labels, depth, type)
  }

  /** Names that the zone has whatever the cluster holds. */
  #ofFixedName(labels: readonly string[], depth: number, type: number): Answer {
    if (depth === 0) return type === TYPE.SOA || type === TYPE.ANY ? this.#apex : this.#records.noType
    if (depth > 1 || labels[0] !== 'dns-version') return this.#absent()
    return type === TYPE.TXT || type === TYPE.ANY ? this.#version : this.#records.noType
  }

  /** `[…, service, namespace, 'svc', …domain]` */
  #ofServices(asked: Asked): Answer {
    const { labels, depth, type } = asked
    const namespace = labels[depth - 2]
    const name = labels[depth - 3]
    if (depth === 1 || namespace === undefined) return this.#records.nonTerminal
    if (depth === 2 || name === undefined) return this.#ofNamespace(namespace)
    const service = this.#services.service(namespace, name)
    if (service === undefined) return this.#absent()
    if (service.type === 'ExternalName') return this.#ofExternalName(service, asked)
    const answers = this.#book.answersOf(service)
    if (answers === undefined) return this.#records.notServed
    const found = depth === 3 ? answers.own : this.#below(answers, labels, depth)
    return found === undefined ? this.#absent() : answerOfType(found, type)
  }

  #ofNamespace(namespace: string): Answer {
    return this.#services.hasNamespace(namespace) ? this.#records.nonTerminal : this.#absent()
  }

  #below(
    { hosts, ports }: ServiceAnswers,
    labels: readonly string[],
    depth: number,
  ): NameAnswers | undefined {
    const [first = '', second = ''] = labels
    if (depth === 4) return hosts.get(first) ?? (ports.has(first) ? this.#book.nonTerminal : undefined)
    return depth === 5 ? ports.get(second)?.get(first) : undefined
  }

  /** The name that it stands for is followed within the zone; whoever has the others is asked by `AliasChaser`. */
  #ofExternalName(service: Service, { depth, type, aliases }: Asked): Answer {
    if (depth > 3) return this.#absent()
    const alias = this.#book.aliasOf(service)
    if (alias === undefined) return this.#records.notServed
    if (type === TYPE.CNAME || type === TYPE.ANY) return alias.alone
    if (aliases >= MAX_ALIASES) return this.#endless
    const target = this.answer(alias.targetLabels, type, aliases + 1)
    return target === undefined ? alias.unfinished : alias.leadingTo(target)
  }

  /**
   * `[address, namespace, 'pod', …domain]`: the name itself says all. Any namespace may have pods; the directory knows
   * only those with a Service.
   */
  #ofPods(labels: readonly string[], depth: number, type: number): Answer {
    const [first = ''] = labels
    if (depth < 3) return this.#records.nonTerminal
    const ip = depth === 3 ? podIpOf(first) : undefined
    if (ip === undefined) return this.#records.absent
    return answerOfType(new AddressAnswers(this.#records, 'pod', [ip]), type)
  }

  /** "Does not exist" can only be said by a directory that was filled once. */
  #absent(): Answer {
    return this.#services.loaded ? this.#records.absent : this.#unknown
  }
}

/** A name in the branch of Services. */
interface Asked {
  readonly labels: readonly string[]
  /** How many of them come before the domain. */
  readonly depth: number
  readonly type: number
  readonly aliases: number
}

function endsWith(labels: readonly string[], domain: readonly string[], offset: number): boolean {
  for (let index = 0; index < domain.length; index++) {
    if (labels[offset + index] !== domain[index]) return false
  }
  return true
}
