import type { FlowEnd } from '../relay/relay-engine.ts'

/** What a wire tells its owner. */
export interface WireEvents {
  /** @param bytes - holds only during the call: the memory is read into again. `Wire.write` knows, all others must copy. */
  onBytes(bytes: Buffer): void
  /** All that was written has been taken; after a `write` that said false. */
  onDrain(): void
  /** The peer has ended its sending; there may still be something to write. */
  onEnd(): void
  /** Nothing comes or goes any more: both ways have ended, it was reset by either side, or it broke. Once, and the last word. */
  onClosed(): void
}

/**
 * The bytes of one connection as HTTP is read from it and written to it: of a plain TCP connection below Node's streams, or
 * of any other stream. Its owner is the one that `events` names; it may change between two messages.
 *
 * HOT PATH: per chunk one call up and one write down.
 */
export interface Wire {
  events: WireEvents
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
  pause(): void
  /**
   * Sends bytes. Copies them where their memory does not last; otherwise they must stay as they are until `onDrain`, which is
   * so for bytes of another wire whose owner pauses it.
   *
   * @returns false: no more should be written before `onDrain`. What is written nevertheless waits in memory.
   */
  write(bytes: Buffer): boolean
  /** Sends text of which each code unit is one byte. */
  writeText(text: string): boolean
  /** Ends the sending after what was written. */
  end(): void
  /** Ends the sending as `end` does, then reads and drops what still comes for a moment, so that the peer gets the last word. */
  linger(): void
  /** Resets the connection now. */
  reset(): void
  /**
   * Gives the connection away, to a relay: what `unread` has comes first there. The wire is of no more use, and tells nothing more.
   */
  release(unread: Buffer): FlowEnd
}
