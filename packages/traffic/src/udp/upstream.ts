import type { Path } from '@edgeway/core'
import type { DropReason } from './datagram-counts.ts'

/**
 * How an upstream ended by itself: its endpoint's port is closed, the other node has ended an idle session, or the tunnel
 * to it was lost.
 */
export type UpstreamEnd = 'refused' | 'ended' | 'lost'

/** What an upstream tells its session. After `onEnd` nothing more comes. */
export interface UpstreamEvents {
  /** An answer, in memory that is the session's own. */
  onAnswer(datagram: Buffer): void
  /** A datagram that `send` took was not sent after all. */
  onDrop(reason: DropReason): void
  onEnd(end: UpstreamEnd): void
}

/** A session's way to its endpoint. */
export interface Upstream {
  readonly path: Path
  /** Takes the datagram or drops it; never keeps more than a bounded number of bytes. Returns why it was dropped. */
  send(datagram: Buffer): DropReason | undefined
  /** Lets go of everything; tells nothing any more. */
  close(): void
}
