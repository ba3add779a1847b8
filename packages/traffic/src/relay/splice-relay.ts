import type { FinSender } from '../kernel/fin-sender.ts'
import type { HandleBinding } from './handle-binding.ts'
import { HandleRelay } from './handle-relay.ts'
import type { Carrier } from './promotion.ts'
import type { FlowEnd, Relay, RelayEngine, RelayLimits } from './relay-engine.ts'

export interface SpliceRelayDeps {
  readonly binding: HandleBinding
  readonly fin: FinSender
  readonly carrier: Carrier
  /** For ends that are no plain TCP connections. */
  readonly fallback: RelayEngine
}

/**
 * Relays in the splice worker from the first byte. What was read of a connection before goes by its handle, which also
 * carries the flow for as long as the worker isn't ready, or for good if it is not to be had.
 */
export class SpliceRelay implements RelayEngine {
  readonly name = 'splice'
  readonly #handles: HandleRelay

  constructor({ carrier, ...deps }: SpliceRelayDeps) {
    this.#handles = new HandleRelay({ ...deps, promotion: { carrier, afterBytes: 0 } })
  }

  relay(client: FlowEnd, endpoint: FlowEnd, limits: RelayLimits): Relay {
    return this.#handles.relay(client, endpoint, limits)
  }
}
