import type { Node, Service } from '@edgeway/core'
import type { ApiObject } from './kubernetes/api-object.ts'
import {
  type DestinationRule,
  destinationRuleMapper,
  restoredDestinationRule,
} from './mappers/destination-rule-mapper.ts'
import { type EndpointSlice, hasLoopbackEndpoint, mapEndpointSlice } from './mappers/endpoint-slice-mapper.ts'
import { mapEndpoints } from './mappers/endpoints-mapper.ts'
import { mapNode } from './mappers/node-mapper.ts'
import { type ServiceFilterMode, serviceMapper } from './mappers/service-mapper.ts'
import type { ReflectedKind } from './reflector/reflected-kind.ts'

/** The only slice that MetaServer means to rewrite: the API server is itself, for pods of its node. */
const API_SERVER_SLICE = 'default/kubernetes'

export function services(filterMode: ServiceFilterMode): ReflectedKind<Service> {
  return {
    name: 'services',
    path: '/api/v1/services',
    judgesSource: true,
    map: serviceMapper(filterMode),
  }
}

export const ENDPOINT_SLICES: ReflectedKind<EndpointSlice> = {
  name: 'endpointslices',
  path: '/apis/discovery.k8s.io/v1/endpointslices',
  map: mapEndpointSlice,
  isCorrupted: isRewritten,
}

/** Instead of EndpointSlices, where those can't be had or not be believed. */
export const ENDPOINTS: ReflectedKind<readonly EndpointSlice[]> = {
  name: 'endpoints',
  path: '/api/v1/endpoints',
  optional: true,
  map: mapEndpoints,
}

export const NODES: ReflectedKind<Node> = { name: 'nodes', path: '/api/v1/nodes', map: mapNode }

/** @param clusterDomain - of Services' names, e.g. `cluster.local` */
export function destinationRules(clusterDomain: string): ReflectedKind<DestinationRule> {
  return {
    name: 'destinationrules',
    path: destinationRulesPath('v1'),
    optional: true,
    definition: {
      name: 'destinationrules.networking.istio.io',
      paths: new Map(
        ['v1', 'v1beta1', 'v1alpha3'].map((version) => [version, destinationRulesPath(version)]),
      ),
    },
    map: destinationRuleMapper(clusterDomain),
    restored: restoredDestinationRule,
  }
}

function destinationRulesPath(version: string): string {
  return `/apis/networking.istio.io/${version}/destinationrules`
}

/**
 * MetaServer's lists turn slices into ones of itself. No cluster has such slices: Kubernetes refuses loopback addresses
 * in them.
 */
function isRewritten(object: ApiObject): boolean {
  return object.key !== API_SERVER_SLICE && hasLoopbackEndpoint(object)
}
