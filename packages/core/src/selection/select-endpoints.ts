import type { Endpoint } from '../model/endpoint.ts'

/**
 * The endpoints that new flows of a ServicePort may go to: the ready ones, in their given order.
 *
 * @returns an empty array when nothing can serve the ServicePort now: it is to be refused at once
 */
export function selectEndpoints(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  return endpoints.filter(({ ready }) => ready)
}
