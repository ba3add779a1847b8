import type { Service, ServicePort } from '../model/service.ts'
import { type ApplicationProtocol, declaredProtocol } from './application-protocol.ts'
import { balancingPolicyOf } from './balancing-policy.ts'
import {
  annotatedCauses,
  annotatedCount,
  annotatedDurationMs,
  ERROR_PERCENT_BOUNDS,
  FORWARDED_HEADERS,
  FORWARDED_HEADERS_ANNOTATION,
  type ForwardedHeaders,
  MAX_ERROR_PERCENT_ANNOTATION,
  PER_TRY_TIMEOUT_ANNOTATION,
  REQUEST_TIMEOUT_ANNOTATION,
  RETRIES_ANNOTATION,
  RETRIES_BOUNDS,
  RETRY_CAUSES,
  RETRY_ON_ANNOTATION,
  type RetryCause,
} from './request-annotations.ts'
import { FORWARDING_ANNOTATION } from './service-annotations.ts'

/** How each HTTP request to a Service is treated; what is `undefined` is not wished. */
export interface RequestPolicy {
  /** Second and further tries of one request at most; 0 without a wish: then only endpoints that can't be connected to are followed by others. */
  readonly maxRetries: number
  readonly retryOn: ReadonlySet<RetryCause>
  /** All tries together, until the response is complete. */
  readonly requestTimeoutMs: number | undefined
  /** Until the head of the response. */
  readonly perTryTimeoutMs: number | undefined
  readonly forwardedHeaders: ForwardedHeaders
  readonly outliers: StatusOutliers | undefined
}

/** Which statuses make an endpoint be left out; one of the three is wished at least. */
export interface StatusOutliers {
  readonly consecutive5xx: number | undefined
  readonly consecutiveGatewayErrors: number | undefined
  /** Of its latest requests, those answered with 500 to 599. */
  readonly maxErrorPercent: number | undefined
}

type Wishes = Pick<Service, 'annotations' | 'destinationPolicy' | 'clientIpAffinitySeconds'>

export function requestPolicyOf({ annotations, destinationPolicy }: Wishes): RequestPolicy {
  return {
    maxRetries: retriesOf(annotations) ?? 0,
    retryOn: new Set(annotatedCauses(annotations[RETRY_ON_ANNOTATION]) ?? RETRY_CAUSES),
    requestTimeoutMs: annotatedDurationMs(annotations[REQUEST_TIMEOUT_ANNOTATION]),
    perTryTimeoutMs: annotatedDurationMs(annotations[PER_TRY_TIMEOUT_ANNOTATION]),
    forwardedHeaders: forwardedHeadersOf(annotations) ?? 'x-forwarded-for',
    outliers: outliersOf({ annotations, destinationPolicy }),
  }
}

function outliersOf({ annotations, destinationPolicy }: Pick<Wishes, 'annotations' | 'destinationPolicy'>) {
  const wish = destinationPolicy?.outlierDetection
  const outliers: StatusOutliers = {
    consecutive5xx: wish?.consecutive5xx || undefined,
    consecutiveGatewayErrors: wish?.consecutiveGatewayErrors || undefined,
    maxErrorPercent: annotatedCount(annotations[MAX_ERROR_PERCENT_ANNOTATION], ERROR_PERCENT_BOUNDS),
  }
  return Object.values(outliers).some((limit) => limit !== undefined) ? outliers : undefined
}

/** What L7 is decided from. */
export interface LayerRequest {
  readonly port: Pick<ServicePort, 'appProtocol' | 'name' | 'protocol'>
  readonly service: Wishes
  readonly endpointCount: number
}

/** `l7`: HTTP requests are balanced one by one, as far as a connection turns out to speak HTTP. `l4`: connections are. */
export type Layer = 'l4' | 'l7'

/**
 * A ServicePort's requests are looked at where a wish can't be fulfilled otherwise, and where one connection carries the calls
 * of many clients to several endpoints: HTTP/2, gRPC. What speaks another protocol stays as it is; where nobody says what
 * is spoken, a wish that only makes sense for HTTP says it.
 */
export function layerOf({ port, service, endpointCount }: LayerRequest): Layer {
  const { annotations } = service
  const wish = annotations[FORWARDING_ANNOTATION]
  const declared = declaredProtocol(port, annotations)
  if (wish === 'l4' || port.protocol !== 'TCP' || declared === 'tcp' || declared === 'tls') return 'l4'
  if (wish === 'l7' || wantsRequests(service)) return 'l7'
  return isMultiplexed(declared) && endpointCount > 1 ? 'l7' : 'l4'
}

function isMultiplexed(protocol: ApplicationProtocol | undefined): boolean {
  return protocol === 'http2' || protocol === 'grpc'
}

function wantsRequests(service: Wishes): boolean {
  const { kind } = balancingPolicyOf(service)
  if (kind === 'header-hash' || kind === 'cookie-hash') return true
  const { annotations, destinationPolicy } = service
  return (
    (retriesOf(annotations) ?? 0) > 0 ||
    annotatedDurationMs(annotations[REQUEST_TIMEOUT_ANNOTATION]) !== undefined ||
    annotatedDurationMs(annotations[PER_TRY_TIMEOUT_ANNOTATION]) !== undefined ||
    // To be told nothing is no reason to look at requests.
    (forwardedHeadersOf(annotations) ?? 'off') !== 'off' ||
    Object.values(destinationPolicy?.connectionPool.http ?? {}).some((limit) => limit !== undefined) ||
    outliersOf(service) !== undefined
  )
}

function retriesOf(annotations: Wishes['annotations']): number | undefined {
  return annotatedCount(annotations[RETRIES_ANNOTATION], RETRIES_BOUNDS)
}

function forwardedHeadersOf(annotations: Wishes['annotations']): ForwardedHeaders | undefined {
  const wish = annotations[FORWARDED_HEADERS_ANNOTATION]
  return FORWARDED_HEADERS.find((known) => known === wish)
}
