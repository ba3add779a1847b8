import type { ClusterId } from '../../identity/membership.ts'
import { isPeerId } from '../../identity/peer-id.ts'
import {
  encodeMessage,
  type MdnsMessage,
  type MdnsRecord,
  type OwnAnswer,
  type OwnQuestion,
} from './message.ts'

/**
 * What a node says of itself on its LAN, by multicast DNS (RFC 6762) and DNS-SD (RFC 6763):
 *
 * ```
 *   _services._dns-sd._udp.local       PTR  _edgeway._tcp.local            shared      75 min
 *   _edgeway._tcp.local                PTR  <PeerId>._edgeway._tcp.local   shared      75 min
 *   <PeerId>._edgeway._tcp.local       SRV  0 0 <port> <PeerId>.local      its own     2 min
 *   <PeerId>._edgeway._tcp.local       TXT  v=1, cluster=<ClusterId>       its own     75 min
 *   <PeerId>.local                     A    <address on this LAN>          its own     2 min
 * ```
 *
 * A neighbour goes by the port of the SRV record and by the IP address that the packet comes from: who announces can only tell of
 * itself. It is taken from messages that hold SRV and TXT of one peer; ours always do, and are good as long as the TXT
 * record says. Names are PeerIds, which are hashes of keys: no two nodes have one by chance, and who takes one by intent is found
 * out when it is dialled. So they are not probed for (RFC 6762 section 8.1), which would take 750 ms at each start.
 */
export const SERVICE = '_edgeway._tcp.local'
const SERVICE_TYPES = '_services._dns-sd._udp.local'
const VERSION = '1'

/** RFC 6762 section 10: records with an address in them, and others. */
const HOST_TTL_SECONDS = 120
const OTHER_TTL_SECONDS = 4_500
/** Nobody is believed for longer. */
export const MAX_TTL_SECONDS = OTHER_TTL_SECONDS
/** For resolvers that know nothing of changes (RFC 6762 section 6.7). */
const LEGACY_TTL_SECONDS = 10

/** This node on one LAN. */
export interface OwnService {
  readonly peerId: string
  readonly cluster: ClusterId
  readonly port: number
  /** IPv4 address on that LAN. */
  readonly address: string
}

/** One of the records above; `no-host`, `no-service`: what says that there is no other type at a name (NSEC, section 6.1). */
export type OwnRecordName = 'types' | 'pointer' | 'service' | 'text' | 'host' | 'no-service' | 'no-host'

/** What is announced, in the order of the records. */
export const ALL_RECORDS: readonly OwnRecordName[] = ['pointer', 'service', 'text', 'host']

const SHARED: ReadonlySet<OwnRecordName> = new Set(['types', 'pointer'])

/** Others may have answers to the same question, so they are given after a random delay. */
export function isShared(name: OwnRecordName): boolean {
  return SHARED.has(name)
}

export function instanceName(peerId: string): string {
  return `${peerId}.${SERVICE}`
}

export function hostName(peerId: string): string {
  return `${peerId}.local`
}

export function isSameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

/** The names that records of this node have, each with those records. */
export function recordsAt(name: string, peerId: string): readonly OwnRecordName[] {
  if (isSameName(name, SERVICE_TYPES)) return ['types']
  if (isSameName(name, SERVICE)) return ['pointer']
  if (isSameName(name, instanceName(peerId))) return ['service', 'text']
  return isSameName(name, hostName(peerId)) ? ['host'] : []
}

/** Whether that record, which somebody knows already, is this one of ours and good for at least half of its time. */
export function isKnownAnswer(name: OwnRecordName, record: MdnsRecord, peerId: string): boolean {
  if (record.ttlSeconds < OTHER_TTL_SECONDS / 2 || record.data.kind !== 'PTR') return false
  const { target } = record.data
  if (name === 'types') return isSameName(record.name, SERVICE_TYPES) && isSameName(target, SERVICE)
  return name === 'pointer' && isSameName(record.name, SERVICE) && isSameName(target, instanceName(peerId))
}

/** Whether another node gives the answer that all have in common. */
export function tellsServiceType({ answers }: MdnsMessage): boolean {
  return answers.some((record) => record.ttlSeconds > 0 && isKnownAnswer('types', record, ''))
}

export type ResponseKind =
  | { readonly kind: 'multicast' }
  /** This node stops. */
  | { readonly kind: 'goodbye' }
  /** For a resolver that is no multicast one: its question is repeated. */
  | { readonly kind: 'legacy'; readonly id: number; readonly questions: readonly OwnQuestion[] }

export interface Response {
  readonly answers: readonly OwnRecordName[]
  readonly additionals?: readonly OwnRecordName[]
}

export function encodeResponse(own: OwnService, response: Response, kind: ResponseKind): Buffer {
  const record = (name: OwnRecordName): OwnAnswer => ownRecord(name, own, kind.kind)
  return encodeMessage({
    type: 'response',
    ...(kind.kind === 'legacy' ? { id: kind.id, questions: kind.questions } : {}),
    answers: response.answers.map(record),
    additionals: (response.additionals ?? []).map(record),
  })
}

/** @param peers - whose records are asked for; those of all when there are none */
export function encodeQuestion(peers: readonly string[]): Buffer {
  const questions: OwnQuestion[] =
    peers.length === 0
      ? [{ name: SERVICE, type: 'PTR' }]
      : peers.map((peerId) => ({ name: instanceName(peerId), type: 'SRV' }))
  return encodeMessage({ type: 'query', questions })
}

function ownRecord(name: OwnRecordName, own: OwnService, kind: ResponseKind['kind']): OwnAnswer {
  const ttl = (seconds: number): number => {
    if (kind === 'goodbye') return 0
    return kind === 'legacy' ? Math.min(seconds, LEGACY_TTL_SECONDS) : seconds
  }
  // Tells that there is no other such record; to legacy resolvers the bit means nothing.
  const flush = !isShared(name) && kind !== 'legacy'
  const [instance, host] = [instanceName(own.peerId), hostName(own.peerId)]
  const common = { ttl: ttl(OTHER_TTL_SECONDS), flush }
  const ofHost = { ttl: ttl(HOST_TTL_SECONDS), flush }
  switch (name) {
    case 'types':
      return { name: SERVICE_TYPES, type: 'PTR', data: SERVICE, ...common }
    case 'pointer':
      return { name: SERVICE, type: 'PTR', data: instance, ...common }
    case 'service':
      return { name: instance, type: 'SRV', data: { port: own.port, target: host }, ...ofHost }
    case 'text':
      return { name: instance, type: 'TXT', data: [`v=${VERSION}`, `cluster=${own.cluster}`], ...common }
    case 'host':
      return { name: host, type: 'A', data: own.address, ...ofHost }
    case 'no-service':
      return { ...noOther(instance, ['TXT', 'SRV']), ...ofHost }
    case 'no-host':
      return { ...noOther(host, ['A']), ...ofHost }
  }
}

function noOther(name: string, rrtypes: string[]): Extract<OwnAnswer, { type: 'NSEC' }> {
  return { name, type: 'NSEC', data: { nextDomain: name, rrtypes } }
}

/** What another node says of itself. */
export interface Announcement {
  readonly peerId: string
  readonly cluster: string
  readonly port: number
  /** 0: it stops. */
  readonly ttlSeconds: number
}

/**
 * The announcement that a response holds; `none` where it tells nothing of this service, `malformed` where it does, but not as
 * this version has it.
 */
export function announcementIn({ answers, additionals }: MdnsMessage): Announcement | 'none' | 'malformed' {
  const suffix = `.${SERVICE}`
  const records = [...answers, ...additionals].filter(({ name }) => name.toLowerCase().endsWith(suffix))
  const [first] = records
  if (first === undefined) return 'none'
  const peerId = first.name.slice(0, -suffix.length)
  // Who tells of several tells of others.
  if (!isPeerId(peerId) || !records.every(({ name }) => isSameName(name, first.name))) return 'malformed'
  return announcementOf(peerId, records)
}

function announcementOf(peerId: string, records: readonly MdnsRecord[]): Announcement | 'malformed' {
  let port: number | undefined
  let about: { readonly texts: readonly string[]; readonly ttlSeconds: number } | undefined
  for (const { data, ttlSeconds } of records) {
    if (data.kind === 'SRV') port = data.port
    if (data.kind === 'TXT') about = { texts: data.texts, ttlSeconds }
  }
  const textAt = (key: string): string | undefined =>
    about?.texts.find((text) => text.toLowerCase().startsWith(`${key}=`))?.slice(key.length + 1)
  const cluster = textAt('cluster')
  if (about === undefined || port === undefined || port === 0) return 'malformed'
  if (cluster === undefined || textAt('v') !== VERSION) return 'malformed'
  return { peerId, cluster, port, ttlSeconds: Math.min(about.ttlSeconds, MAX_TTL_SECONDS) }
}
