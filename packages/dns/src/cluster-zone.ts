/**
 * The cluster's zone by the Kubernetes DNS specification, as far as ClusterIP Services go: pure over the directory.
 * HOT PATH: answers are made once per Service object and shared; the directory replaces a Service that changes.
 *
 * @see https://github.com/kubernetes/dns/blob/master/docs/specification.md
 */
import { isIPv4 } from 'node:net'
import type { Service, ServiceDirectory } from '@edgeway/core'
import { RCODE, TYPE } from './codes.ts'
import { type Answer, type AnswerRule, emptyAnswer, type Handler } from './handler.ts'
import { encodeRecord, type RecordText } from './message.ts'

/** Version of the specification that `dns-version.<domain>` names. */
const SPECIFICATION_VERSION = '1.1.0'

export interface ClusterZoneOptions {
  readonly clusterDomain: string
  readonly ttlSeconds: number
}

export type ClusterZoneServices = Pick<ServiceDirectory, 'loaded' | 'service' | 'hasNamespace'>

/** Answers every name at and below the cluster's domain; all other names are left to the next handler. */
export function clusterZone(options: ClusterZoneOptions, services: ClusterZoneServices): Handler {
  const domain = options.clusterDomain.toLowerCase().replace(/\.$/, '').split('.')
  const answers = new ZoneAnswers(options)

  return ({ labels, type }) => {
    // How many labels come before the domain.
    const depth = labels.length - domain.length
    if (depth < 0 || !endsWith(labels, domain, depth)) return undefined
    if (depth === 0) return answers.ofApex(type)
    if (depth === 1 && labels[0] === 'dns-version') return answers.ofVersion(type)
    if (labels[depth - 1] !== 'svc') return answers.absent(services.loaded)
    return ofServices(labels, depth, type)
  }

  /** @param labels - `[…, service, namespace, 'svc', …domain]`, of which `depth` come before the domain */
  function ofServices(labels: readonly string[], depth: number, type: number): Answer {
    const namespace = labels[depth - 2]
    const name = labels[depth - 3]
    if (namespace === undefined) return answers.nonTerminal
    if (name === undefined) return ofNamespace(namespace)
    const service = services.service(namespace, name)
    if (service === undefined) return answers.absent(services.loaded)
    return depth === 3 ? answers.ofService(service, type) : belowService(service, labels)
  }

  function ofNamespace(namespace: string): Answer {
    return services.hasNamespace(namespace) ? answers.nonTerminal : answers.absent(services.loaded)
  }

  /** Endpoints of headless Services have names, and named ports of all Services (`_http._tcp`): specification, 2.3 and 2.4. */
  function belowService({ clusterIps }: Service, [first]: readonly string[]): Answer {
    const mayExist = clusterIps.length === 0 || first?.startsWith('_') === true
    return mayExist ? answers.notServed : answers.absent(services.loaded)
  }
}

function endsWith(labels: readonly string[], domain: readonly string[], offset: number): boolean {
  for (let index = 0; index < domain.length; index++) {
    if (labels[offset + index] !== domain[index]) return false
  }
  return true
}

/** The answers that the zone gives, each made once. */
class ZoneAnswers {
  readonly #ttlSeconds: number
  readonly #soa: Buffer
  readonly #version: Answer
  readonly #apex: Answer
  readonly #byService = new WeakMap<Service, ServiceAnswers>()
  readonly #absent: Answer
  readonly #unknown = emptyAnswer('cluster', 'directory-not-loaded', RCODE.SERVFAIL)
  readonly nonTerminal: Answer
  readonly notServed: Answer
  readonly #apexNoType: Answer
  readonly #versionNoType: Answer

  constructor({ clusterDomain, ttlSeconds }: ClusterZoneOptions) {
    this.#ttlSeconds = ttlSeconds
    this.#soa = encodeRecord(startOfAuthority(clusterDomain, ttlSeconds))
    const version = encodeRecord({ ttlSeconds, record: { type: 'TXT', data: SPECIFICATION_VERSION } })
    this.#version = positive('dns-version', [version])
    this.#versionNoType = this.#negative('dns-version')
    this.#apex = positive('apex', [this.#soa])
    this.#apexNoType = this.#negative('apex')
    this.#absent = this.#negative('absent', RCODE.NXDOMAIN)
    this.nonTerminal = this.#negative('non-terminal')
    this.notServed = this.#negative('service-not-served')
  }

  ofApex(type: number): Answer {
    return type === TYPE.SOA || type === TYPE.ANY ? this.#apex : this.#apexNoType
  }

  ofVersion(type: number): Answer {
    return type === TYPE.TXT || type === TYPE.ANY ? this.#version : this.#versionNoType
  }

  /** "Does not exist" can only be said by a directory that was filled once. */
  absent(isLoaded: boolean): Answer {
    return isLoaded ? this.#absent : this.#unknown
  }

  /** ANY gets one type of records that exists (RFC 8482 section 4.1). */
  ofService(service: Service, type: number): Answer {
    const answers = this.#byService.get(service) ?? this.#remember(service)
    if (type === TYPE.A) return answers.a
    if (type === TYPE.AAAA) return answers.aaaa
    return type === TYPE.ANY ? answers.any : answers.other
  }

  #remember(service: Service): ServiceAnswers {
    const other = service.clusterIps.length === 0 ? this.notServed : this.#negative('service-no-type')
    const [ipv4, ipv6] = [service.clusterIps.filter(isIPv4), service.clusterIps.filter((ip) => !isIPv4(ip))]
    const a = ipv4.length === 0 ? other : this.#addresses('A', ipv4)
    const aaaa = ipv6.length === 0 ? other : this.#addresses('AAAA', ipv6)
    const answers = { a, aaaa, other, any: a === other ? aaaa : a }
    this.#byService.set(service, answers)
    return answers
  }

  #addresses(type: 'A' | 'AAAA', ips: readonly string[]): Answer {
    const ttlSeconds = this.#ttlSeconds
    return positive(
      'service',
      ips.map((data) => encodeRecord({ ttlSeconds, record: { type, data } })),
    )
  }

  #negative(rule: AnswerRule, rcode: number = RCODE.NOERROR): Answer {
    const authority = [this.#soa]
    return {
      zone: 'cluster',
      rule,
      content: { kind: 'records', rcode, authoritative: true, answers: [], authority },
    }
  }
}

interface ServiceAnswers {
  readonly a: Answer
  readonly aaaa: Answer
  readonly any: Answer
  readonly other: Answer
}

function positive(rule: AnswerRule, answers: readonly Buffer[]): Answer {
  const rcode = RCODE.NOERROR
  return {
    zone: 'cluster',
    rule,
    content: { kind: 'records', rcode, authoritative: true, answers, authority: [] },
  }
}

/** Negative answers live as long as the smaller of its TTL and its minimum (RFC 2308 section 5). */
function startOfAuthority(domain: string, ttlSeconds: number): RecordText {
  return {
    owner: domain,
    ttlSeconds,
    record: {
      type: 'SOA',
      data: {
        mname: `ns.dns.${domain}`,
        rname: `hostmaster.${domain}`,
        // There are no secondaries that these were for.
        serial: 1,
        refresh: 7_200,
        retry: 1_800,
        expire: 86_400,
        minimum: ttlSeconds,
      },
    },
  }
}
