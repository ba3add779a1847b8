import type { Endpoint, PodRef } from '@edgeway/core'

/** An endpoint of this node as the source told of it last. */
export interface OwnEndpoint extends Pick<Endpoint, 'ip' | 'port' | 'protocol'> {
  /** `undefined` where no pod is behind it, e.g. in Endpoints that were written by hand. */
  readonly pod?: PodRef | undefined
}
