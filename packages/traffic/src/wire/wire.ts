import type { FlowEnd } from '../relay/relay-engine.ts'

/** What a wire tells its owner. Nothing is told from within a call of the owner, but for early bytes within `Wire.resume`. */
export interface WireEvents {
  /** @param bytes - holds only during the call: the memory is read into again. `Wire.write` knows, all others must copy. */
  onBytes(bytes: Buffer): void
  /** All that was written has been taken; after a `write` that said false. */
  onDrain(): void
  /** The peer has ended its sending; there may still be something to write. Only while the wire is not paused. */
  onEnd(): void
  /** Nothing comes or goes any more: both ways have ended, it was reset by either side, or it broke. Once, and the last word. */
  onClosed(): void
}

/**
 * The bytes of one connection as HTTP is read from it and written to it: of a plain TCP connection below Node's streams, or
 * of any other stream. Its owner is the one that `events` names; it may change between two messages.
 *
 * What a peer wrote before it reset the connection can still be read after a write has failed: a server that answers before
 * it read the whole request does so. A wire that takes nothing more is closed once it has been read to its end.
 *
 * HOT PATH: per chunk one call up and one write down.
 */
export interface Wire {
  events: WireEvents
  /** Nothing can be read or written any more; `onClosed` has been told, or soon will. */
  readonly isClosed: boolean
  /** The peer has ended its sending. */
  readonly hasEnded: boolean
  /** What was written has not all been taken yet. */
  readonly isFull: boolean
  /** Read so far. */
  readonly bytesRead: number
  readonly bytesWritten: number
  /** Reads from here on; what the socket had read before comes first, from within the call. Also goes on after `pause`. */
  resume(): void
  /** Tells of no more bytes, and of no end, until `resume`. While paused, a reset by the peer may go unnoticed. */
  pause(): void
  /**
   * Sends bytes. Copies them where their memory does not last; otherwise they must stay as they are until `onDrain`. Of bytes of
   * another wire that means: from within its `onBytes`, and where this returns false, that wire is paused before `onBytes`
   * returns, and resumed no sooner than `onDrain` or `onClosed` of this one.
   *
   * @returns false: no more should be written before `onDrain`. What is written nevertheless waits in memory. Also false where
   *   nothing can be written any more; then nothing happens.
   */
  write(bytes: Buffer): boolean
  /** Sends text of which each code unit is one byte; returns what `write` does. */
  writeText(text: string): boolean
  /** What is written in this turn leaves together, with the end where that comes in it, too; as far as the connection can. */
  gather(): void
  /** Ends the sending after what was written. The wire is closed once the peer has ended its sending, too, and that was read. */
  end(): void
  /**
   * Ends the sending as `end` does, then reads and drops what still comes for a moment, so that the peer gets the last word:
   * a connection closed with bytes unread is reset, and the reset may overtake the answer. Then closes it. Of bytes and their
   * end nothing more is told.
   */
  linger(): void
  /** Resets the connection now. */
  reset(): void
  /**
   * Gives the connection away, to a relay: what `unread` has comes first there. The wire is of no more use, and tells nothing
   * more. Not while `isFull`: then wait for `onDrain`.
   */
  release(unread: Buffer): FlowEnd
}
