import type { Socket } from 'node:net'
import type { RelayOutcome } from './relay-engine.ts'

/** Two connections with nothing under way in this process: no byte read and unsent, no end half passed on. */
export interface QuietFlow {
  readonly client: Socket
  readonly endpoint: Socket
  /** Bytes from the client to the endpoint so far, and back. */
  readonly bytesSent: number
  readonly bytesReceived: number
}

/** How a flow that is carried elsewhere can end by itself. */
export type CarriedOutcome = Extract<RelayOutcome, 'completed' | 'client-reset' | 'endpoint-reset' | 'cut'>

/** A flow that somebody else carries on; its counters go on from what they were. */
export interface CarriedFlow {
  readonly bytesSent: number
  readonly bytesReceived: number
  /** Resolves once both connections are closed; never rejects. */
  readonly ended: Promise<CarriedOutcome>
  /** Resets both connections now. */
  cut(): void
}

/** Takes flows over from the handle relay while they run. */
export interface Carrier {
  /** False until it can take flows at once; asking makes it get ready. */
  readonly isReady: boolean
  /** @returns `undefined` when it can't take this one, which is as it was then; otherwise the sockets are closed */
  carry(flow: QuietFlow): CarriedFlow | undefined
}

/** When a flow is handed over. */
export interface Promotion {
  readonly carrier: Carrier
  /** Both directions together. */
  readonly afterBytes: number
}
