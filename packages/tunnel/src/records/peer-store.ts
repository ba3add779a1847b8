import { type Logger, limitedWarn } from '@edgeway/core'
import { ProtocolError } from '../errors.ts'
import { MAX_CERTIFICATE_LENGTH } from '../identity/membership.ts'
import type { Trust } from '../identity/trust.ts'
import { arrayField, asObject, parseJsonObject, textField } from '../protocol/json.ts'
import type { StoredValue } from '../state/stored-value.ts'
import { MAX_RECORDS, type PeerBook } from './peer-book.ts'
import { MAX_RECORD_LENGTH, type PeerRecordWire } from './peer-record.ts'
import { takeRecord } from './record-intake.ts'

export interface PeerStoreDeps {
  readonly book: PeerBook
  /** `peers.json` in the data folder. */
  readonly stored: StoredValue
  /** Where the content goes that can't be read. */
  readonly broken: StoredValue
  readonly logger: Logger
}

const VERSION = 1
/** What changes is written so much later, all at once: disks of small nodes wear out. */
const WRITE_DELAY_MS = 2_000
const MIN_WRITE_INTERVAL_MS = 20_000

/**
 * Keeps a peer book on disk, so that a node finds the others after a restart without any server. Only records that hold
 * their own proof are in it: each is judged anew when it is read. A disk that takes no more costs a warning only.
 */
export class PeerStore implements AsyncDisposable {
  readonly #deps: PeerStoreDeps
  readonly #warn: Logger['warn']
  readonly #subscription: Disposable
  #timer: NodeJS.Timeout | undefined
  #writtenAt = Number.NEGATIVE_INFINITY
  #writing: Promise<void> = Promise.resolve()

  constructor(deps: PeerStoreDeps) {
    this.#deps = deps
    this.#warn = limitedWarn(deps.logger)
    this.#subscription = deps.book.onChange(() => this.#schedule())
  }

  /** Puts what is stored into the book. What can't be read is kept beside, and said; it never keeps a node from starting. */
  async load(trust: Trust): Promise<void> {
    const { stored, broken, book, logger } = this.#deps
    try {
      const bytes = await stored.read()
      if (bytes === undefined) return
      const wires = await this.#decode(bytes)
      const refused = wires.filter((wire) => takeRecord(wire, { trust, book }).kind === 'refused').length
      logger.info('knows peers from before', { peers: book.size, refused })
    } catch (error) {
      logger.error('the stored peers can not be read; this node starts without them', {
        place: stored.place,
        kept: broken.place,
        error,
      })
    }
  }

  /** Writes what was not written yet. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscription[Symbol.dispose]()
    if (this.#timer !== undefined) this.#write()
    await this.#writing
  }

  async #decode(bytes: Buffer): Promise<PeerRecordWire[]> {
    try {
      return decodePeers(bytes)
    } catch (error) {
      await this.#deps.broken.write(bytes)
      throw error
    }
  }

  #schedule(): void {
    if (this.#timer !== undefined) return
    const sinceMs = performance.now() - this.#writtenAt
    const delayMs = Math.max(WRITE_DELAY_MS, MIN_WRITE_INTERVAL_MS - sinceMs)
    this.#timer = setTimeout(() => this.#write(), delayMs)
  }

  #write(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writtenAt = performance.now()
    this.#writing = this.#writing.then(() => this.#save())
  }

  async #save(): Promise<void> {
    const { stored, book } = this.#deps
    try {
      await stored.write(encodePeers(Array.from(book.records(), ({ wire }) => wire)))
    } catch (error) {
      this.#warn('the known peers can not be stored; a restart goes on from older ones', {
        place: stored.place,
        error,
      })
    }
  }
}

export function encodePeers(wires: readonly PeerRecordWire[]): string {
  const lines = wires.map((wire) => JSON.stringify(wire))
  return `{"version":${VERSION},"peers":[\n${lines.join(',\n')}\n]}\n`
}

/** @throws {ProtocolError} when it is anything else */
export function decodePeers(bytes: Uint8Array): PeerRecordWire[] {
  const object = parseJsonObject(bytes)
  if (object['version'] !== VERSION)
    throw new ProtocolError(`field version is ${JSON.stringify(object['version'])}, expected ${VERSION}`)
  return arrayField(object, 'peers', MAX_RECORDS).map((peer) => {
    const wire = asObject(peer, 'field peers')
    return {
      certificate: textField(wire, 'certificate', MAX_CERTIFICATE_LENGTH),
      record: textField(wire, 'record', MAX_RECORD_LENGTH),
    }
  })
}
