import type { Endpoint } from '@edgeway/core'

/** A pod, as `targetRef` of an endpoint names it. */
export interface PodReference {
  readonly namespace: string
  readonly name: string
  /** One that matches the runtime's decides; one that does not says nothing, as those of static pods never do. */
  readonly uid?: string | undefined
}

/** An endpoint of this node as the source told of it last. */
export interface OwnEndpoint extends Pick<Endpoint, 'ip' | 'port' | 'protocol'> {
  /** `undefined` where no pod is behind it, e.g. in Endpoints that were written by hand. */
  readonly pod?: PodReference | undefined
}
