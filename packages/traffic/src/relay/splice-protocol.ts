import type { CarriedOutcome } from './promotion.ts'

/** What the agent's main thread and its splice worker say to each other. */

/** Flows that the worker carries at a time. */
export const MAX_FLOWS = 4_096

/**
 * One command is four int32 in the command pipe: which, the flow's slot, the client's descriptor, the endpoint's. Shorter
 * than PIPE_BUF, so it is written as a whole or not at all (pipe(7)). `wake` only has the worker look at the wishes: those
 * must not get lost where the pipe is full.
 */
export const COMMAND_BYTES = 16
export const COMMANDS = { carry: 1, wake: 2 } as const

/** What the worker is started with. */
export interface SpliceWorkerData {
  /** The reading end of the command pipe, which the worker closes. */
  readonly commandFd: number
  /** Per slot two counters: bytes sent and received while the worker had the flow. Written by the worker alone. */
  readonly counters: SharedArrayBuffer
  /** Per slot `SLOT_STATES`; tells whose the descriptors are should the worker die. */
  readonly states: SharedArrayBuffer
  /** Per slot 1 for a flow that is to be cut; behind them, at MAX_FLOWS, for the worker itself, which is to end. */
  readonly wishes: SharedArrayBuffer
}

/** `lingering`: the endpoint's descriptor is closed already. */
export const SLOT_STATES = { none: 0, carried: 1, closing: 2, lingering: 3 } as const

/** From the worker. */
export type SpliceMessage = { readonly kind: 'ready' } | FlowEndedMessage

export interface FlowEndedMessage {
  readonly kind: 'ended'
  readonly slot: number
  readonly outcome: CarriedOutcome
  readonly sent: number
  readonly received: number
}
