import type { Logger } from '@edgeway/core'
import { ProtocolError } from '../../errors.ts'
import type { Trust } from '../../identity/trust.ts'
import { arrayField, asObject, integerField, parseJsonObject, textField } from '../../protocol/json.ts'
import { MAX_RECORDS, type PeerBook } from '../../records/peer-book.ts'
import { readPeerRecord } from '../../records/peer-record.ts'
import type { StoredValue } from '../../state/stored-value.ts'
import type { Presence } from './presence.ts'

export interface RegistryStoreDeps {
  readonly stored: StoredValue
  readonly book: PeerBook
  readonly presence: Presence
  readonly trust: Trust
  readonly logger: Logger
  /** Changes within that time are written together. */
  readonly delayMs: number
}

const VERSION = 1

/**
 * Keeps the book over a restart, so that nothing has to be told anew then, and when each member was seen. It is a copy
 * of what nodes have signed: broken or lost, it comes back from them and from the other servers.
 *
 * ```
 *   {"version": 1, "records": [{"certificate": ..., "record": ..., "seenAt": <Unix ms>}, ...]}
 *   seenAt: 0 while connected (then it counts as seen when it is read), missing where that was long ago
 * ```
 */
export class RegistryStore implements AsyncDisposable {
  readonly #deps: RegistryStoreDeps
  readonly #subscriptions: readonly Disposable[]
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()
  #hasFailed = false

  private constructor(deps: RegistryStoreDeps) {
    this.#deps = deps
    const changed = (): void => this.#schedule()
    this.#subscriptions = [deps.book.onChange(changed), deps.presence.onChange(changed)]
  }

  /** Reads what is stored into the book and the presence, and follows their changes from then on. */
  static async open(deps: RegistryStoreDeps): Promise<RegistryStore> {
    await load(deps)
    return new RegistryStore(deps)
  }

  /** Writes what has changed. Never rejects. */
  async save(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing = this.#writing.then(() => this.#write())
    await this.#writing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]()
    await this.save()
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => void this.save(), this.#deps.delayMs)
  }

  /** What can't be written now is written with the next change. */
  async #write(): Promise<void> {
    const { stored, book, logger } = this.#deps
    try {
      const records = [...book.records()].map(({ wire, peerId }) => ({ ...wire, ...this.#seen(peerId) }))
      await stored.write(`${JSON.stringify({ version: VERSION, records })}\n`)
      this.#hasFailed = false
    } catch (error) {
      if (!this.#hasFailed) logger.error('the registry can not be stored', { place: stored.place, error })
      this.#hasFailed = true
    }
  }

  #seen(peerId: string): { readonly seenAt?: number } {
    const { presence } = this.#deps
    if (presence.isPresent(peerId)) return { seenAt: 0 }
    const seenAt = presence.leftAt(peerId)
    return seenAt === undefined ? {} : { seenAt }
  }
}

async function load({ stored, book, presence, trust, logger }: RegistryStoreDeps): Promise<void> {
  const entries = await readEntries(stored, logger)
  let refused = 0
  for (const { certificate, record, seenAt } of entries) {
    const verdict = readPeerRecord({ certificate, record }, trust)
    if (verdict.kind === 'refused') {
      refused++
      logger.debug('a stored record is not taken', { reason: verdict.reason, explanation: verdict.message })
      continue
    }
    book.apply(verdict.record)
    if (seenAt !== undefined) presence.restore(verdict.record.peerId, seenAt === 0 ? Date.now() : seenAt)
  }
  logger.info('read the registry', { place: stored.place, members: book.size, refused })
}

interface StoredEntry {
  readonly certificate: string
  readonly record: string
  readonly seenAt: number | undefined
}

async function readEntries(stored: StoredValue, logger: Logger): Promise<readonly StoredEntry[]> {
  try {
    const bytes = await stored.read()
    return bytes === undefined ? [] : decode(bytes)
  } catch (error) {
    logger.error('the stored registry can not be used, the server begins with an empty one', {
      place: stored.place,
      error,
    })
    return []
  }
}

/** @throws {ProtocolError} when a field is missing or malformed */
function decode(bytes: Uint8Array): StoredEntry[] {
  const object = parseJsonObject(bytes)
  const version = integerField(object, 'version', 1_000_000)
  if (version !== VERSION) throw new ProtocolError(`field version is ${version}, expected ${VERSION}`)
  return arrayField(object, 'records', MAX_RECORDS).map((value) => {
    const entry = asObject(value, 'field records')
    return {
      certificate: textField(entry, 'certificate', 100_000),
      record: textField(entry, 'record', 100_000),
      seenAt: entry['seenAt'] === undefined ? undefined : integerField(entry, 'seenAt', 2 ** 50),
    }
  })
}
