import type { RemoteInfo } from 'node:dgram'
import type { ClusterId } from '../../identity/membership.ts'
import { TokenBucket } from '../token-bucket.ts'
import { type LanLink, linkTo } from './lan-links.ts'
import { MDNS_PORT, MdnsSocket } from './mdns-socket.ts'
import { decodeMessage, type MdnsMessage, TYPE } from './message.ts'
import { additionalsOf, type Reply, repeated, replyTo } from './responder.ts'
import {
  ALL_RECORDS,
  encodeQuestion,
  encodeResponse,
  isSameName,
  type OwnRecordName,
  type OwnService,
  type ResponseKind,
  SERVICE,
  tellsServiceType,
} from './service.ts'

export interface MdnsSessionOptions {
  readonly peerId: string
  readonly cluster: ClusterId
  readonly links: readonly LanLink[]
}

export interface MdnsSessionEvents {
  /** A response that may be about this service, from a host of this LAN. */
  response(message: MdnsMessage, from: string): void
  /** Somebody asked all neighbours: the answers are for everybody. */
  asked(): void
  ignored(why: 'malformed' | 'limited'): void
  failed(error: Error): void
}

/** RFC 6762 section 8.3: two announcements at least, a second apart. */
const ANNOUNCE_AFTER_MS = [0, 1_000]
/** RFC 6762 section 5.2: the pauses between questions are doubled at least. */
const ASK_AFTER_MS = [0, 1_000, 4_000, 13_000]
/** Hosts that start together, or answer the same question, do it one after the other (sections 5.2 and 6). */
const SPREAD_MS = { min: 20, max: 120 }
/** A record is not sent to a LAN more often (section 6). */
const REPEAT_MS = 1_000
/** Of a LAN with 1,000 agents that all start at once, some have to repeat themselves. */
const PACKETS = { burst: 400, everyMs: 10 }
const UNICAST_REPLIES = { burst: 20, everyMs: 100 }

/** What this node says and hears by multicast DNS, as long as its LANs stay the same. */
export class MdnsSession implements AsyncDisposable {
  readonly #options: MdnsSessionOptions
  readonly #events: MdnsSessionEvents
  /** Those that announcements, questions and answers of ours can't be told without. */
  readonly #marks: readonly string[]
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #packets = new TokenBucket(PACKETS)
  readonly #unicasts = new TokenBucket(UNICAST_REPLIES)
  /** By the link's address: what is to be said there, and when something was said last. */
  readonly #pending = new Map<string, Set<OwnRecordName>>()
  readonly #saidAt = new Map<string, number>()
  #lastQuestion: Buffer = Buffer.alloc(0)
  #socket: MdnsSocket | undefined

  private constructor(options: MdnsSessionOptions, events: MdnsSessionEvents) {
    this.#options = options
    this.#events = events
    this.#marks = ['_edgeway', '_services', options.peerId.toLowerCase()]
  }

  /**
   * Announces this node, asks for others, and answers those that ask.
   *
   * @throws {Error} when the port can't be had, or none of the LANs
   */
  static async open(options: MdnsSessionOptions, events: MdnsSessionEvents): Promise<MdnsSession> {
    const session = new MdnsSession(options, events)
    session.#socket = await MdnsSocket.open(options.links, {
      message: (bytes, from) => session.#received(bytes, from),
      failed: events.failed,
    })
    const spreadMs = randomSpread()
    for (const ms of ANNOUNCE_AFTER_MS) session.#after(ms + spreadMs, () => session.announce())
    for (const ms of ASK_AFTER_MS) session.#after(ms + spreadMs, () => session.ask([]))
    return session
  }

  announce(): void {
    for (const link of this.#options.links) this.#say(link, { answers: ALL_RECORDS }, { kind: 'multicast' })
  }

  /** @param peers - whose announcements are wanted; all when there are none */
  ask(peers: readonly string[]): void {
    this.#lastQuestion = encodeQuestion(peers)
    for (const link of this.#options.links) this.#socket?.multicast(link, this.#lastQuestion)
  }

  /** Ends at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    const socket = this.#socket
    this.#socket = undefined
    await socket?.[Symbol.asyncDispose]()
  }

  /** Tells all that this node is gone. */
  sayGoodbye(): void {
    for (const link of this.#options.links) this.#say(link, { answers: ALL_RECORDS }, { kind: 'goodbye' })
  }

  #received(bytes: Buffer, from: RemoteInfo): void {
    const link = linkTo(this.#options.links, from.address)
    // A LAN is full of other services' packets, which cost no more than this.
    if (link === undefined || !this.#isOfInterest(bytes)) return
    const message = this.#packets.take() ? decodeMessage(bytes) : 'limited'
    if (message === undefined || message === 'limited') this.#events.ignored(message ?? 'malformed')
    else if (message.isResponse) this.#heard(message, from)
    else if (!this.#isOwn(bytes, from)) this.#answer(message, { link, from })
  }

  #isOfInterest(bytes: Buffer): boolean {
    const text = bytes.toString('latin1').toLowerCase()
    return this.#marks.some((mark) => text.includes(mark))
  }

  #isOwn(bytes: Buffer, { address }: RemoteInfo): boolean {
    return this.#options.links.some((link) => link.address === address) && bytes.equals(this.#lastQuestion)
  }

  #heard(message: MdnsMessage, { address, port }: RemoteInfo): void {
    // RFC 6762 section 6.
    if (port !== MDNS_PORT) return
    if (tellsServiceType(message)) for (const names of this.#pending.values()) names.delete('types')
    this.#events.response(message, address)
  }

  #answer(message: MdnsMessage, { link, from }: { link: LanLink; from: RemoteInfo }): void {
    const isForAll = message.questions.some(
      ({ name, type }) => type === TYPE.PTR && isSameName(name, SERVICE),
    )
    if (isForAll && from.port === MDNS_PORT) this.#events.asked()
    const reply = replyTo(message, this.#options.peerId)
    if (reply === undefined) return
    if (from.port !== MDNS_PORT)
      this.#replyTo(from, reply, { kind: 'legacy', id: message.id, questions: repeated(message) })
    else if (reply.isUnicastWanted && this.#wasSaidLately(link))
      this.#replyTo(from, reply, { kind: 'multicast' })
    else this.#schedule(link, reply)
  }

  #replyTo(to: RemoteInfo, { answers }: Reply, kind: ResponseKind): void {
    const link = linkTo(this.#options.links, to.address)
    if (link === undefined || !this.#unicasts.take()) return
    const response = { answers: [...answers], additionals: additionalsOf(answers) }
    this.#socket?.unicast(to, encodeResponse(this.#own(link), response, kind))
  }

  /** Answers to several questions go in one packet. */
  #schedule(link: LanLink, { answers, isDelayed }: Reply): void {
    const waiting = this.#pending.get(link.address)
    if (waiting !== undefined) {
      for (const name of answers) waiting.add(name)
      return
    }
    const names = new Set(answers)
    this.#pending.set(link.address, names)
    const sinceMs = performance.now() - (this.#saidAt.get(link.address) ?? -REPEAT_MS)
    this.#after(Math.max(isDelayed ? randomSpread() : 0, REPEAT_MS - sinceMs), () => {
      this.#pending.delete(link.address)
      if (names.size > 0)
        this.#say(link, { answers: [...names], additionals: additionalsOf(names) }, { kind: 'multicast' })
    })
  }

  /** Within a quarter of the time for which the shortest-lived record is good (RFC 6762 section 5.4). */
  #wasSaidLately({ address }: LanLink): boolean {
    return performance.now() - (this.#saidAt.get(address) ?? Number.NEGATIVE_INFINITY) < 30_000
  }

  #say(link: LanLink, response: Parameters<typeof encodeResponse>[1], kind: ResponseKind): void {
    this.#saidAt.set(link.address, performance.now())
    this.#socket?.multicast(link, encodeResponse(this.#own(link), response, kind))
  }

  #own({ address, port }: LanLink): OwnService {
    const { peerId, cluster } = this.#options
    return { peerId, cluster, address, port }
  }

  #after(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, ms)
    this.#timers.add(timer)
  }
}

function randomSpread(): number {
  return SPREAD_MS.min + Math.random() * (SPREAD_MS.max - SPREAD_MS.min)
}
