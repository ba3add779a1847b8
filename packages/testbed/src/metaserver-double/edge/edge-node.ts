import { type ApiObject, isApiObject } from '../../api-double/api-object.ts'
import { StatusError } from '../../api-double/status-error.ts'
import type { CloudAnswer, CloudRequest } from '../cloud/cloud.ts'
import type { CloudCore } from '../cloud/cloudcore.ts'
import { EVENT_TYPES, type Message } from '../cloud/message.ts'
import type { MessageReceiver } from '../cloud/node-session.ts'
import type { Faults } from '../faults/faults.ts'
import { ConnectionLostError } from '../link/link.ts'
import { guessResource, itemsOf, type Place, versionOf } from '../resource.ts'
import type { Counters } from '../stats.ts'
import { Applications } from './applications.ts'
import type { EdgeStore } from './edge-store.ts'
import { LocalLists, localSelector } from './local-list.ts'
import type { WatchHub, WatchReader } from './watch-hub.ts'

/** A GET, LIST or WATCH of a client. */
export interface ReadRequest {
  readonly place: Place
  /** With its query. */
  readonly path: string
  readonly query: URLSearchParams
}

export interface EdgeNodeParts {
  readonly store: EdgeStore
  readonly hub: WatchHub
  readonly faults: Readonly<Faults>
  readonly counters: Counters
}

/** MetaServer and MetaManager without their HTTP: the cloud first, else the store; and what the cloud delivers. */
export class EdgeNode implements MessageReceiver {
  readonly #parts: EdgeNodeParts
  readonly #lists: LocalLists
  #cloudcore: CloudCore | undefined
  #applications: Applications | undefined
  /** The one loop of MetaManager. */
  #loop: Promise<void> = Promise.resolve()
  #revision: number
  #drops = 0

  constructor(parts: EdgeNodeParts) {
    this.#parts = parts
    this.#lists = new LocalLists(parts.store, parts.faults)
    this.#revision = parts.store.latestVersion
  }

  get revision(): number {
    return this.#revision
  }

  /** Both ends need the other one, so one of them is told later. */
  connect(cloudcore: CloudCore): void {
    this.#cloudcore = cloudcore
    this.#applications = new Applications(cloudcore, this.#parts.faults)
  }

  async get({ place, path }: ReadRequest): Promise<CloudAnswer> {
    const answer = await this.#ask({ method: 'GET', path }, place)
    if (answer?.code === 200) {
      const object: unknown = JSON.parse(answer.text)
      if (isApiObject(object)) this.#put(place, object)
      return answer
    }
    if (answer !== undefined && !this.#parts.faults.maskGetErrors) return answer
    this.#parts.counters.localAnswers++
    const row = this.#parts.store.get(place)
    if (row === undefined)
      throw new StatusError('NotFound', `${place.resource} "${place.name}" not found`, {
        details: { name: place.name ?? '', group: place.group, kind: place.resource },
      })
    return jsonAnswer(row)
  }

  async list({ place, path, query }: ReadRequest): Promise<CloudAnswer> {
    const answer = await this.#ask({ method: 'GET', path }, place)
    if (answer?.code === 200) {
      if (!this.#parts.faults.listNotStored)
        for (const object of itemsOf(JSON.parse(answer.text)))
          this.#put({ ...place, ...nameOf(object) }, object)
      return answer
    }
    if (answer !== undefined && !this.#parts.faults.maskListErrors) return answer
    this.#parts.counters.localAnswers++
    return jsonAnswer(this.#lists.list(place, query, this.#revision))
  }

  /**
   * Resolves when the cloud knows of the watch, or can't be told; then `start` connects it to its reader, with which it may
   * be disposed of.
   */
  async watch({
    place,
    path,
    query,
  }: ReadRequest): Promise<Disposable & { start(reader: WatchReader): void }> {
    const selects = localSelector(query, this.#parts.faults)
    const opened = new DisposableStack()
    const application = await this.#applications?.open({
      id: path,
      place,
      labelSelector: query.get('labelSelector') ?? '',
      fieldSelector: query.get('fieldSelector') ?? '',
    })
    if (application !== undefined) opened.use(application)
    const since = Number(query.get('resourceVersion') ?? 0)
    return {
      start: (reader) =>
        void opened.use(this.#parts.hub.open({ place, selects, since, reader }, this.#revision)),
      [Symbol.dispose]: () => opened.dispose(),
    }
  }

  /** Writes and parts of objects go to the cloud or nowhere. */
  async forward(request: CloudRequest): Promise<CloudAnswer> {
    try {
      return await this.#mustAsk(request, undefined)
    } catch (error) {
      throw new StatusError('InternalError', new ConnectionLostError().message, { cause: error })
    }
  }

  /** A path that is no resource: what the cloud says, else what it said last. */
  async passThrough(path: string): Promise<CloudAnswer | undefined> {
    const answer = await this.#ask({ method: 'GET', path }, undefined)
    if (answer?.code === 200) {
      this.#parts.store.putText(path, answer.text)
      return answer
    }
    const text = this.#parts.faults.staleCachedPaths ? this.#parts.store.text(path) : undefined
    if (text === undefined) return undefined
    const contentType = text.startsWith('{') ? 'application/json' : 'text/plain; charset=utf-8'
    return { code: 200, contentType, text }
  }

  /** Messages are taken one after another, each when every watch has taken the one before. */
  async receive(message: Message): Promise<void> {
    this.#loop = this.#loop.then(async () => await this.#take(message))
    await this.#loop
  }

  /** The next deliveries are acknowledged and lost, as with a store that can't write. */
  dropNext(count: number): void {
    this.#drops += count
  }

  async onConnected(): Promise<void> {
    await this.#applications?.onConnected()
  }

  /** @param wipe - whether its database is lost, too */
  restart(wipe: boolean): void {
    if (wipe) this.#parts.store.wipe()
    this.#revision = this.#parts.store.latestVersion
    this.#parts.hub.restart()
    this.#applications?.clear()
  }

  async #ask(request: CloudRequest, place: Place | undefined): Promise<CloudAnswer | undefined> {
    try {
      return await this.#mustAsk(request, place)
    } catch {
      // The cloud can't be reached or gave no answer in time; why makes no difference to what is done then.
      return undefined
    }
  }

  async #mustAsk(request: CloudRequest, place: Place | undefined): Promise<CloudAnswer> {
    if (this.#cloudcore === undefined) throw new ConnectionLostError()
    return await this.#cloudcore.request(request, place)
  }

  async #take(message: Message): Promise<void> {
    const place = this.#placeOf(message)
    if (this.#drops > 0 || place === undefined) {
      if (this.#drops > 0) this.#drops--
      this.#parts.counters.lostDeliveries++
      return
    }
    const { operation, object } = message
    const previous = this.#parts.store.get(place)
    if (previous !== undefined && this.#isOvertaken(message, previous)) return
    try {
      if (operation === 'delete') this.#parts.store.remove(place)
      else this.#put(place, object)
    } catch {
      // A full or broken disk: KubeEdge acknowledges all the same (kubeedge#7070).
      this.#parts.counters.lostDeliveries++
      return
    }
    this.#revision = Math.max(this.#revision, versionOf(object))
    await this.#parts.hub.tell({ type: EVENT_TYPES[operation], object, previous, place })
  }

  /** Whether a message is of the past of what is stored, and known to be. */
  #isOvertaken({ operation, object }: Message, row: ApiObject): boolean {
    const { olderOverwrites, staleUidDeletes } = this.#parts.faults
    const isOfAnother = row.metadata.uid !== object.metadata.uid
    if (operation === 'delete' && isOfAnother) return !staleUidDeletes
    return !olderOverwrites && versionOf(row) > versionOf(object)
  }

  /** Where an object belongs in the store; nowhere without a kind, or with one that KubeEdge keeps elsewhere. */
  #placeOf({ resource, object, isKindless }: Message): Place | undefined {
    if (isKindless) return undefined
    const place = { ...resource, ...nameOf(object) }
    if (!this.#parts.faults.guessedResource) return place
    if (object.kind.toLowerCase().includes('status')) return undefined
    return { ...place, resource: guessResource(object.kind) }
  }

  #put(place: Place, object: ApiObject): void {
    const { store, faults } = this.#parts
    const known = faults.olderOverwrites ? undefined : store.get(place)
    if (known !== undefined && versionOf(known) > versionOf(object)) return
    store.put(place, object)
    this.#revision = Math.max(this.#revision, versionOf(object))
  }
}

function nameOf({
  metadata: { namespace, name },
}: ApiObject): Pick<Place, 'namespace' | 'name'> & { name: string } {
  return { namespace, name }
}

function jsonAnswer(body: unknown): CloudAnswer {
  return { code: 200, contentType: 'application/json', text: JSON.stringify(body) }
}
