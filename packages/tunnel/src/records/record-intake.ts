import type { Trust } from '../identity/trust.ts'
import type { ApplyOutcome, PeerBook } from './peer-book.ts'
import {
  type PeerRecord,
  type PeerRecordVerdict,
  type PeerRecordWire,
  readPeerRecord,
} from './peer-record.ts'

/** `own`: it is of the key of this node itself, and not put into the book. */
export type IntakeOutcome =
  | { readonly kind: ApplyOutcome | 'own'; readonly record: PeerRecord }
  | Extract<PeerRecordVerdict, { kind: 'refused' }>

export interface IntakeDeps {
  readonly trust: Trust
  readonly book: PeerBook
  /** PeerId of this node. */
  readonly except?: string
  /** `readPeerRecord` unless given: processes that are many nodes share its work. */
  readonly read?: typeof readPeerRecord | undefined
}

/** Verifies a record that came from anywhere, and puts it into the book if it is an agent's and says something new. */
export function takeRecord(
  wire: PeerRecordWire,
  { trust, book, except, read = readPeerRecord }: IntakeDeps,
): IntakeOutcome {
  const verdict = read(wire, trust)
  if (verdict.kind === 'refused') return verdict
  const { record } = verdict
  const { role } = record.membership
  if (role !== 'agent') {
    const message = `the peer record of ${record.node} is of a tunnel ${role}, expected one of an agent`
    return { kind: 'refused', reason: 'wrong-role', message }
  }
  return { kind: record.peerId === except ? 'own' : book.apply(record), record }
}
