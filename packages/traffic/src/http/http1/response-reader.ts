import type { ResponseHead } from '../message/response-head.ts'

/** Who waits for the response to a request. */
export interface ResponseReader {
  /** 1xx, but for 101; any number of them before the response. */
  onInterim(head: ResponseHead): void
  /** @param bytes - the head, `headBytes` of them, and what of the content came with it; hold as those of `WireEvents.onBytes` */
  onHead(head: ResponseHead, bytes: Buffer, headBytes: number): void
  /** More of the body, as it is on the wire; or of its content alone, where that was asked for. */
  onBody(bytes: Buffer): void
  /** The response is complete. The reader has to give the connection back or discard it. */
  onDone(): void
  /** 101: from here on the bytes are no longer HTTP's. */
  onSwitch(head: ResponseHead, rest: Buffer): void
  /** There will be no response, or no more of it. */
  onBroken(why: string): void
  /** The connection takes more of the request's body. */
  onUpstreamDrain(): void
}

/** How a response is to be read. */
export interface ResponseTerms {
  readonly method: string
  /** Chunks are to be taken off: the client knows none. */
  readonly wantsContent: boolean
}
