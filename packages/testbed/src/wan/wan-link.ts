import type { UplinkPlan } from '../lab/host-plan.ts'
import type { NetworkNamespace } from '../lab/namespace.ts'
import type { Impairments } from './wan-spec.ts'

/** Where a host is connected. */
export interface WanPlace {
  readonly uplink: UplinkPlan
  /** Of the bridge. */
  readonly namespace: NetworkNamespace
}

/** What carries the frames, between the devices `host` and `segment` of `plumbing.ts`. */
export interface WanLink extends AsyncDisposable {
  /** Besides the host's port and `host`: devices between which all is forwarded. */
  readonly inner: readonly (readonly [string, string])[]
  set(impairments: Impairments): Promise<void>
}
