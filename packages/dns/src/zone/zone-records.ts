import { ipFamilyOf } from '@edgeway/core'
import type { Answer, AnswerRule } from '../handler.ts'
import { encodeRecord, type RecordText } from '../message.ts'
import { RCODE } from '../wire/codes.ts'

export interface ClusterZoneOptions {
  readonly clusterDomain: string
  readonly ttlSeconds: number
}

/** A record without its TTL, which the whole zone shares. */
export type ZoneRecord = Omit<RecordText, 'ttlSeconds'>

/** Encodes what the zone says, with its domain and its TTL. */
export class ZoneRecords {
  /** In lower case, without a trailing dot. */
  readonly domain: string
  readonly #ttlSeconds: number
  readonly soa: Buffer
  /** The name exists, without records of that type. */
  readonly noType: Answer
  /** A name that has only names below it. */
  readonly nonTerminal: Answer
  readonly notServed: Answer
  /** There is no such name. */
  readonly absent: Answer

  constructor({ clusterDomain, ttlSeconds }: ClusterZoneOptions) {
    this.domain = clusterDomain.toLowerCase().replace(/\.$/, '')
    this.#ttlSeconds = ttlSeconds
    this.soa = this.encode({ owner: this.domain, record: startOfAuthority(this.domain, ttlSeconds) })
    this.noType = this.negative('no-type')
    this.nonTerminal = this.negative('non-terminal')
    this.notServed = this.negative('service-not-served')
    this.absent = this.negative('absent', RCODE.NXDOMAIN)
  }

  encode(record: ZoneRecord): Buffer {
    return encodeRecord({ ...record, ttlSeconds: this.#ttlSeconds })
  }

  /** @param additional - left out of answers where it does not fit */
  positive(rule: AnswerRule, answers: readonly Buffer[], additional: readonly Buffer[] = []): Answer {
    const rcode = RCODE.NOERROR
    return {
      zone: 'cluster',
      rule,
      content: { kind: 'records', rcode, authoritative: true, answers, authority: [], additional },
    }
  }

  /** Addresses of the question's name, in turns: the first one is what most clients take. */
  addressAnswer(rule: AnswerRule, ips: readonly string[]): Answer {
    const content = {
      kind: 'records',
      rcode: RCODE.NOERROR,
      authoritative: true,
      answers: this.addresses(ips),
      authority: [],
      rotating: ips.length,
    } as const
    return { zone: 'cluster', rule, content }
  }

  negative(rule: AnswerRule, rcode: number = RCODE.NOERROR, soa: Buffer = this.soa): Answer {
    return {
      zone: 'cluster',
      rule,
      content: { kind: 'records', rcode, authoritative: true, answers: [], authority: [soa] },
    }
  }

  /** Addresses of `owner`, or of the question's name. */
  addresses(ips: readonly string[], owner?: string): Buffer[] {
    return ips.map((data) => {
      const record = { type: ipFamilyOf(data) === 'IPv6' ? 'AAAA' : 'A', data } as const
      return this.encode(owner === undefined ? { record } : { owner, record })
    })
  }

  /** `<service>.<namespace>.svc.<domain>` */
  nameOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
    return `${name}.${namespace}.svc.${this.domain}`
  }
}

/** Negative answers live as long as the smaller of its TTL and its minimum (RFC 2308 section 5). */
export function startOfAuthority(domain: string, ttlSeconds: number): RecordText['record'] {
  return {
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
  }
}
