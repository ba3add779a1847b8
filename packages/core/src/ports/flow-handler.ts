import type { Duplex } from 'node:stream'
import type { FlowRefusal, FlowRequest } from '../model/flow.ts'

/** The answer to a FlowRequest: serve the flow, or a reason from the closed set with a sentence for people. */
export type FlowAnswer =
  | { readonly status: 'ok'; serve(stream: Duplex, reset: () => void): void; abandon(): void }
  | { readonly status: FlowRefusal; readonly reason: string }

/** Serves flows that come from other nodes. Implemented by `InboundFlows` (traffic), called by tunnel. */
export interface FlowHandler {
  /**
   * Checks the target and connects to it. On `ok` the caller tells the other node, then calls either `serve` with the
   * flow's stream (and the way to reset it) or `abandon`, exactly once. Never rejects.
   */
  open(request: FlowRequest, signal: AbortSignal): Promise<FlowAnswer>
}
