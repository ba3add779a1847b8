import {
  annotationProblems,
  type DestinationPolicy,
  FORWARDED_HEADERS_ANNOTATION,
  FORWARDING_ANNOTATION,
  HEALTH_CHECK_ANNOTATION,
  INTERCEPT_ANNOTATION,
  PER_TRY_TIMEOUT_ANNOTATION,
  PROTOCOL_ANNOTATION,
  PROXY_PROTOCOL_ANNOTATION,
  REQUEST_TIMEOUT_ANNOTATION,
  RETRIES_ANNOTATION,
  RETRY_ON_ANNOTATION,
  SERVICE_TOPOLOGY_ANNOTATION,
  type Service,
  type ServicePort,
} from '@edgeway/core'

/** Those that mean something to connections to one endpoint, and to requests. */
const CARRIED_ANNOTATIONS = new Set([
  FORWARDED_HEADERS_ANNOTATION,
  FORWARDING_ANNOTATION,
  HEALTH_CHECK_ANNOTATION,
  INTERCEPT_ANNOTATION,
  PER_TRY_TIMEOUT_ANNOTATION,
  PROTOCOL_ANNOTATION,
  PROXY_PROTOCOL_ANNOTATION,
  REQUEST_TIMEOUT_ANNOTATION,
  RETRIES_ANNOTATION,
  RETRY_ON_ANNOTATION,
  SERVICE_TOPOLOGY_ANNOTATION,
])

/**
 * The Service of a virtual ServicePort, without wishes among several endpoints: there is one.
 *
 * @param label - of the endpoint
 */
export function serviceFor(service: Service, label: string, port: ServicePort): Service {
  return {
    ...service,
    name: `${service.name}@${label}`,
    type: 'ClusterIP',
    clusterIps: port.clusterIps,
    headless: false,
    ports: [port],
    clientIpAffinitySeconds: undefined,
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Cluster',
    trafficDistribution: undefined,
    publishNotReadyAddresses: false,
    destinationPolicy: forOneEndpoint(service.destinationPolicy),
  }
}

/** Who alone serves is not left out for what it answers: nobody would look at requests for more than that. */
function forOneEndpoint(policy: DestinationPolicy | undefined): DestinationPolicy | undefined {
  if (policy === undefined) return undefined
  const { outlierDetection } = policy
  const ofConnecting = outlierDetection && {
    ...outlierDetection,
    consecutive5xx: undefined,
    consecutiveGatewayErrors: undefined,
  }
  return { ...policy, balancing: undefined, outlierDetection: ofConnecting }
}

/** Those of a Service that its virtual ServicePorts have, too. What is wrong with any is told of the Service itself. */
export function carriedAnnotations(annotations: Service['annotations']): Service['annotations'] {
  return Object.fromEntries(
    Object.entries(annotations).filter(
      ([name, value]) => CARRIED_ANNOTATIONS.has(name) && annotationProblems({ [name]: value }).length === 0,
    ),
  )
}
