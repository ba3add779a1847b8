import type { Service, ServicePort } from '../model/service.ts'
import { declaredProtocol } from './application-protocol.ts'
import { durationMs } from './duration.ts'
import {
  annotatedHash,
  FORWARDED_HEADERS_ANNOTATION,
  HASH_COOKIE_ANNOTATION,
  HASH_HEADER_ANNOTATION,
  MAX_ERROR_PERCENT_ANNOTATION,
  PER_TRY_TIMEOUT_ANNOTATION,
  REQUEST_TIMEOUT_ANNOTATION,
  RETRIES_ANNOTATION,
  RETRY_ON_ANNOTATION,
} from './request-annotations.ts'
import { annotationProblems, BALANCING_ANNOTATION, FORWARDING_ANNOTATION } from './service-annotations.ts'

/** Those that mean something only to whom requests are looked at for. */
const REQUEST_WISHES = [
  HASH_HEADER_ANNOTATION,
  HASH_COOKIE_ANNOTATION,
  RETRIES_ANNOTATION,
  RETRY_ON_ANNOTATION,
  REQUEST_TIMEOUT_ANNOTATION,
  PER_TRY_TIMEOUT_ANNOTATION,
  MAX_ERROR_PERCENT_ANNOTATION,
  FORWARDED_HEADERS_ANNOTATION,
]

type Annotations = Service['annotations']
type Wishes = Pick<Service, 'annotations' | 'clientIpAffinitySeconds' | 'ports'>

/**
 * What of a Service's `edgeway.io` annotations has no effect, one sentence each: what can't be understood, as
 * `annotationProblems` has it, and what something else of the same Service stands against.
 */
export function wishProblems(service: Wishes): readonly string[] {
  const { annotations } = service
  const problems = annotationProblems(annotations)
  const understood = problems.length === 0 ? annotations : withoutProblems(annotations)
  const wishes = { ...service, annotations: understood }
  return [...problems, ...conflicts(wishes), ...serverNameConflicts(wishes)]
}

function withoutProblems(annotations: Annotations): Annotations {
  return Object.fromEntries(
    Object.entries(annotations).filter(([name, value]) => annotationProblems({ [name]: value }).length === 0),
  )
}

function conflicts(service: Wishes): readonly string[] {
  const { annotations } = service
  const obstacle = obstacleOf(service)
  if (obstacle === undefined)
    return [...hashConflicts(service), ...retryConflicts(annotations), ...timeoutConflicts(annotations)]
  const wishes = REQUEST_WISHES.filter((name) => annotations[name] !== undefined)
  const wishesL7 = annotations[FORWARDING_ANNOTATION] === 'l7'
  return [...(wishesL7 ? [FORWARDING_ANNOTATION] : []), ...wishes].map((name) => `${name}: ${obstacle}`)
}

/** Why nobody looks at its requests whatever it wishes. */
function obstacleOf({ annotations, ports }: Wishes): string | undefined {
  if (annotations[FORWARDING_ANNOTATION] === 'l4') return `no effect, ${FORWARDING_ANNOTATION} is l4`
  const speaksNoHttp = ports.length > 0 && ports.every((port) => !maySpeakHttp(port, annotations))
  return speaksNoHttp ? 'no effect, no port of the Service speaks HTTP' : undefined
}

function maySpeakHttp(port: ServicePort, annotations: Annotations): boolean {
  const declared = declaredProtocol(port, annotations)
  return port.protocol === 'TCP' && declared !== 'tcp' && declared !== 'tls'
}

/** The order is `balancingPolicyOf`'s. */
function hashConflicts({ annotations, clientIpAffinitySeconds }: Wishes): readonly string[] {
  const first = holderOf(annotations, clientIpAffinitySeconds)
  return [HASH_HEADER_ANNOTATION, HASH_COOKIE_ANNOTATION]
    .filter((name) => annotations[name] !== undefined && name !== first)
    .map((name) => `${name}: no effect, ${first} comes first`)
}

function holderOf(annotations: Annotations, clientIpAffinitySeconds: number | undefined): string {
  if (clientIpAffinitySeconds !== undefined) return 'sessionAffinity'
  if (annotations[BALANCING_ANNOTATION] !== undefined) return BALANCING_ANNOTATION
  return annotatedHash(annotations)?.kind === 'header-hash' ? HASH_HEADER_ANNOTATION : HASH_COOKIE_ANNOTATION
}

function serverNameConflicts({ annotations, ports }: Wishes): readonly string[] {
  if (annotations[BALANCING_ANNOTATION] !== 'server-name-hash' || ports.length === 0) return []
  if (ports.some((port) => declaredProtocol(port, annotations) === 'tls')) return []
  return [`${BALANCING_ANNOTATION}: server-name-hash has no effect, no port of the Service declares TLS`]
}

function retryConflicts(annotations: Annotations): readonly string[] {
  if (annotations[RETRY_ON_ANNOTATION] === undefined || Number(annotations[RETRIES_ANNOTATION] ?? 0) > 0)
    return []
  return [`${RETRY_ON_ANNOTATION}: no effect without ${RETRIES_ANNOTATION}`]
}

function timeoutConflicts(annotations: Annotations): readonly string[] {
  const request = durationMs(annotations[REQUEST_TIMEOUT_ANNOTATION] ?? '')
  const perTry = durationMs(annotations[PER_TRY_TIMEOUT_ANNOTATION] ?? '')
  if (request === undefined || perTry === undefined || perTry < request) return []
  return [`${PER_TRY_TIMEOUT_ANNOTATION}: no effect, ${REQUEST_TIMEOUT_ANNOTATION} is not longer`]
}
