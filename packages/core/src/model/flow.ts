import type { EndpointAddress } from './endpoint.ts'
import type { NodeName } from './node.ts'
import type { ServicePortName } from './service.ts'

/** What a node asks of the node that an Endpoint runs on: connect this flow to that Endpoint. */
export interface FlowRequest {
  /** The node that asks; known from the authenticated peer, never from the request itself. */
  readonly from: NodeName
  /** `undefined` when the caller did not say; only for logs and metrics, never for a decision. */
  readonly service: ServicePortName | undefined
  readonly target: EndpointAddress
}

/**
 * Why a flow was refused by the node of its Endpoint. Closed set: it is on the wire, in metrics and in logs.
 *
 * - `unsupported-version`: the two agents have no protocol version in common
 * - `bad-request`: the request can't be read or lacks a field
 * - `starting`: the node serves no flows yet; retry
 * - `draining`: the node is about to stop; retry on another Endpoint
 * - `wrong-node`: the Endpoint is on another node than the one asked
 * - `unknown-target`: no Service of the cluster has that Endpoint on this node, as far as the node knows; retry
 * - `endpoint-refused`: the Endpoint refused the connection; retry on another
 * - `endpoint-timeout`: the Endpoint did not answer in time; retry on another
 * - `endpoint-unreachable`: the Endpoint can't be reached from its own node; retry on another
 */
export const FLOW_REFUSALS = [
  'unsupported-version',
  'bad-request',
  'starting',
  'draining',
  'wrong-node',
  'unknown-target',
  'endpoint-refused',
  'endpoint-timeout',
  'endpoint-unreachable',
] as const

export type FlowRefusal = (typeof FLOW_REFUSALS)[number]
