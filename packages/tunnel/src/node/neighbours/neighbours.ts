import { type Logger, limitedWarn } from '@edgeway/core'
import { toMultiaddr } from '../../addresses.ts'
import type { ClusterId } from '../../identity/membership.ts'
import type { TunnelMetrics } from '../../metrics.ts'
import { InterfaceReader, type Interfaces } from '../own-reach/interfaces.ts'
import { formatLinks, type LanLink, lanLinks } from './lan-links.ts'
import { MdnsSession } from './mdns-session.ts'
import type { MdnsMessage } from './message.ts'
import { NeighbourTable, type Noted } from './neighbour-table.ts'
import { type Announcement, announcementIn } from './service.ts'

/**
 * What became of announcements of others. Beside those of `Noted`: `gone`: a peer said goodbye. `other-cluster`: not of
 * this node's. `malformed`: it can't be read, or is of another version. `limited`: too many came at once.
 */
export type AnnouncementOutcome = Noted | 'gone' | 'other-cluster' | 'malformed' | 'limited'

export interface NeighboursDeps {
  /** Of this node. */
  readonly peerId: string
  /** Of this node; `undefined` before it was enrolled: it says nothing then. */
  cluster(): ClusterId | undefined
  /** Multiaddrs that this node listens at. */
  listening(): ReadonlySet<string>
  /** Whether that is a peer whose record is known. */
  isMember(peerId: string): boolean
  /** Whether no tunnel server answers: neighbours are asked for now and then. */
  isAlone(): boolean
  readonly metrics: {
    readonly neighbours: Pick<TunnelMetrics['neighbours'], 'set'>
    readonly neighbourAnnouncements: Pick<TunnelMetrics['neighbourAnnouncements'], 'add'>
  }
  readonly logger: Logger
  /** This host's, unless a test says otherwise. */
  readonly interfaces?: (() => Interfaces) | undefined
}

/** For what nothing tells of: link-local addresses that came, announcements that get old. */
const LOOK_MS = 10_000
/** Between questions while no tunnel server answers: doubled. A LAN that was in two parts is whole again. */
const ALONE_PAUSE_MS = { first: 30_000, max: 600_000 }
const MAX_ASKED_AT_ONCE = 12

/**
 * The peers on this host's LANs, by what they say of themselves by multicast DNS. All of it is a hint: who is there is proven by
 * the dial. Sends some packets when it starts or addresses change, and one question an hour for each neighbour, which one node asks
 * for all.
 */
export class Neighbours implements AsyncDisposable {
  readonly #deps: NeighboursDeps
  readonly #table: NeighbourTable
  readonly #interfaces: InterfaceReader
  readonly #listeners = new Set<(peerId: string) => void>()
  readonly #warn: Logger['warn']
  readonly #timer: NodeJS.Timeout
  /** What the session is of; it is another one when something of that changed. */
  #edition = ''
  #links: readonly LanLink[] = []
  #session: MdnsSession | undefined
  #changing: Promise<void> = Promise.resolve()
  #alonePauseMs = ALONE_PAUSE_MS.first
  #nextQuestionAt = 0
  #isStopped = false

  constructor(deps: NeighboursDeps) {
    this.#deps = deps
    this.#table = new NeighbourTable((peerId) => deps.isMember(peerId))
    this.#interfaces = new InterfaceReader(deps.interfaces)
    this.#warn = limitedWarn(deps.logger)
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
  }

  /** Multiaddrs on this LAN at which that peer announced itself, and answered as itself or was not tried yet. */
  addressesOf(peerId: string): readonly string[] {
    return this.#table.addressesOf(peerId)
  }

  /** PeerIds of all of them, in the order in which they came. */
  get peerIds(): readonly string[] {
    return this.#table.peerIds()
  }

  /** Calls `listener` with a PeerId when addresses of that peer came or went. */
  onChange(listener: (peerId: string) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /** Dialling that address led to somebody else: the announcement was spoofed; ignored for a while and counted. */
  refuted(peerId: string, address: string): void {
    if (!this.#table.refute(peerId, address, performance.now())) return
    this.#count('spoofed')
    this.#warn('somebody else answers where a neighbour was announced, its announcement is ignored', {
      peer: peerId,
      address,
    })
    this.#tell([peerId])
  }

  /** To be called when this node's addresses, or what it says of itself, may have changed. */
  wake(): void {
    const cluster = this.#deps.cluster()
    if (this.#isStopped || cluster === undefined) return
    const links = lanLinks(this.#interfaces.read(), this.#deps.listening())
    const edition = `${cluster} ${formatLinks(links)}`
    if (edition === this.#edition) return
    this.#edition = edition
    this.#changing = this.#changing.then(() => this.#change(cluster, links))
  }

  /** Says goodbye. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true
    clearInterval(this.#timer)
    await this.#changing
    this.#session?.sayGoodbye()
    await this.#session?.[Symbol.asyncDispose]()
    this.#session = undefined
  }

  /** Never rejects. */
  async #change(cluster: ClusterId, links: readonly LanLink[]): Promise<void> {
    await this.#session?.[Symbol.asyncDispose]()
    this.#session = undefined
    if (this.#isStopped) return
    this.#links = links
    this.#alonePauseMs = ALONE_PAUSE_MS.first
    this.#nextQuestionAt = performance.now() + this.#alonePauseMs
    this.#prune()
    if (links.length === 0) return
    const { logger, peerId } = this.#deps
    try {
      this.#session = await MdnsSession.open({ peerId, cluster, links }, this.#events())
      const lans = links.map(({ device, subnet }) => `${device} ${subnet}`)
      logger.info('announces this node on its LANs, and looks for neighbours', { lans })
    } catch (error) {
      this.#failed(error)
    }
  }

  #events() {
    return {
      response: (message: MdnsMessage, from: string) => this.#heard(message, from),
      asked: () => {
        this.#nextQuestionAt = performance.now() + this.#alonePauseMs
      },
      ignored: (why: 'malformed' | 'limited') => this.#count(why),
      failed: (error: Error) => this.#failed(error),
    }
  }

  /** The next look tries anew. */
  #failed(error: unknown): void {
    this.#edition = ''
    this.#warn('neighbours can not be looked for, will retry', { error })
  }

  #heard(message: MdnsMessage, from: string): void {
    const announcement = announcementIn(message)
    if (announcement === 'malformed') this.#count('malformed')
    if (announcement === 'malformed' || announcement === 'none') return
    const { peerId, cluster } = announcement
    if (peerId === this.#deps.peerId) {
      // Our own words come back, too.
      if (!this.#links.some(({ address }) => address === from)) this.#count('spoofed')
    } else if (cluster !== this.#deps.cluster()) this.#count('other-cluster')
    else this.#take(announcement, toMultiaddr(from, announcement.port).toString())
  }

  #take(announcement: Announcement, address: string): void {
    const { peerId } = announcement
    const outcome = this.#outcomeOf(announcement, address)
    this.#count(outcome)
    if (outcome !== 'new' && outcome !== 'gone') return
    this.#deps.logger.debug('a neighbour came or went', { peer: peerId, address, outcome })
    this.#tell([peerId])
  }

  #outcomeOf(announcement: Announcement, address: string): Noted | 'gone' {
    if (announcement.ttlSeconds > 0) return this.#table.note(announcement, address, performance.now())
    return this.#table.remove(announcement.peerId, address) ? 'gone' : 'known'
  }

  #look(): void {
    this.wake()
    this.#prune()
    const now = performance.now()
    const due = this.#table.due(now, MAX_ASKED_AT_ONCE)
    if (due.length > 0) this.#session?.ask(due)
    if (!this.#deps.isAlone()) this.#alonePauseMs = ALONE_PAUSE_MS.first
    else if (now >= this.#nextQuestionAt) {
      this.#session?.ask([])
      this.#alonePauseMs = Math.min(this.#alonePauseMs * 2, ALONE_PAUSE_MS.max)
      this.#nextQuestionAt = now + this.#alonePauseMs * (0.8 + Math.random() * 0.4)
    }
  }

  #prune(): void {
    const isOnLan = (address: string): boolean => {
      const [, ip = ''] = /^\/ip4\/([^/]+)/.exec(address) ?? []
      return this.#links.some((link) => link.has(ip))
    }
    this.#tell(this.#table.prune(performance.now(), isOnLan))
  }

  #count(outcome: AnnouncementOutcome): void {
    this.#deps.metrics.neighbourAnnouncements.add({ outcome })
  }

  #tell(peerIds: readonly string[]): void {
    this.#deps.metrics.neighbours.set({}, this.#table.size)
    for (const peerId of peerIds) for (const listener of [...this.#listeners]) listener(peerId)
  }
}
