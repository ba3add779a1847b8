import type { Trust } from '../../src/identity/trust.ts'
import { type PeerRecordVerdict, type PeerRecordWire, readPeerRecord } from '../../src/records/peer-record.ts'

/** More texts than agents have at a time are old versions. */
const MAX_KNOWN = 20_000

/**
 * Verifies each peer record once for all agents of a process, which believe in one cluster, and keeps one copy of it: a
 * thousand agents with a thousand records each would verify and keep a million.
 */
export class SharedRecords {
  readonly #verdicts = new Map<string, PeerRecordVerdict>()
  #received = 0

  /** Records that were read so far, those included that had been read before. */
  get received(): number {
    return this.#received
  }

  readonly read = (wire: PeerRecordWire, trust: Trust): PeerRecordVerdict => {
    this.#received++
    const text = `${wire.certificate}\n${wire.record}`
    const known = this.#verdicts.get(text)
    if (known !== undefined) return known
    const verdict = readPeerRecord(wire, trust)
    if (this.#verdicts.size >= MAX_KNOWN) this.#verdicts.clear()
    if (verdict.kind === 'record') this.#verdicts.set(text, verdict)
    return verdict
  }
}
