import type { Endpoint } from '../model/endpoint.ts'
import type { Service } from '../model/service.ts'

/**
 * Whether the names of a headless Service stand for that endpoint. Where a controller wrote it, `ready` says all: false of
 * one that ends, true of every one of a Service with `publishNotReadyAddresses`, to its end.
 *
 * @see EndpointSlice v1, `EndpointConditions.ready`
 */
export function isPublished(
  { publishNotReadyAddresses }: Pick<Service, 'publishNotReadyAddresses'>,
  { ready, terminating }: Pick<Endpoint, 'ready' | 'terminating'>,
): boolean {
  return ready || (publishNotReadyAddresses && !terminating)
}
