import type { DestinationPolicy } from '@edgeway/core'
import type { ApiObject } from '../kubernetes/api-object.ts'
import { mapDestinationPolicy } from './destination-policy-mapper.ts'
import { LenientFields } from './lenient-fields.ts'
import { Problems } from './problems.ts'

/** An Istio DestinationRule, as far as the mesh can do what it says. */
export interface DestinationRule {
  readonly namespace: string
  readonly name: string
  /** As it is written; empty where it is missing. */
  readonly host: string
  /** `namespace/name` of the Service of its own namespace that the host stands for; there may be no such Service. */
  readonly service: string | undefined
  /** Whether the Service of the rule's own name is meant where `service` is none that exists, as EdgeMesh has it. */
  readonly goesByName: boolean
  /** ISO 8601; empty where the source does not say. */
  readonly createdAt: string
  readonly policy: DestinationPolicy
  /** What of it is ignored, each with its path and the reason. */
  readonly problems: readonly string[]
}

type Target = Pick<DestinationRule, 'host' | 'service' | 'goesByName'>

const NO_TARGET: Target = { host: '', service: undefined, goesByName: false }
const FOR_NONE = 'the rule is for no Service'
/** Of a name in DNS. */
const MAX_HOST_LENGTH = 253
/** Labels as RFC 1123 has them, in either case. */
const HOST = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/i

/**
 * Maps DestinationRules. Nothing in their `spec` is refused as a whole: what is wrong or not supported is left out and
 * noted.
 *
 * @param clusterDomain - e.g. `cluster.local`
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/
 */
export function destinationRuleMapper(clusterDomain: string): (object: ApiObject) => DestinationRule {
  return (object) => {
    const problems = new Problems()
    const { namespace, name } = object
    const spec = new LenientFields(object.fields, problems).child('spec')
    const target = spec === undefined ? NO_TARGET : readTarget(spec, namespace, clusterDomain)
    const policy = mapDestinationPolicy(spec?.child('trafficPolicy'))
    if (spec !== undefined) noteWhatIsIgnored(spec)
    const createdAt = object.fields.child('metadata').optionalString('creationTimestamp') ?? ''
    return { namespace, name, ...target, createdAt, policy, problems: problems.lines }
  }
}

/** As it is mapped today: version 2 of the store has one word for how endpoints are chosen. */
export function restoredDestinationRule(stored: DestinationRule): DestinationRule {
  const { policy } = stored
  const { balancing }: { readonly balancing?: unknown } = policy
  if (balancing === undefined || typeof balancing === 'object') return stored
  const known = WORDS_OF_VERSION_2.find((word) => word === balancing)
  return { ...stored, policy: { ...policy, balancing: known && { kind: known } } }
}

const WORDS_OF_VERSION_2 = ['random', 'round-robin', 'least-connections', 'source-ip-hash'] as const

/** EdgeMesh does not read hosts, and people write the Service's bare name there: what says more is taken at its word. */
function readTarget(spec: LenientFields, namespace: string, clusterDomain: string): Target {
  const host = spec.string('host') ?? ''
  if (host === '') return readNoHost(spec)
  const service = serviceOfHost(host, namespace, clusterDomain)
  if (service?.startsWith(`${namespace}/`)) return { host, service, goesByName: !host.includes('.') }
  const expected = service === undefined ? 'the name of one Service' : "a Service of the rule's own namespace"
  spec.wrong('host', host, { expected, effect: FOR_NONE })
  return { ...NO_TARGET, host }
}

function readNoHost(spec: LenientFields): Target {
  const goesByName = spec.isEmpty('host')
  if (goesByName) spec.wrong('host', '', { expected: 'the name of one Service' })
  else spec.refuse('host', undefined, FOR_NONE)
  return { ...NO_TARGET, goesByName }
}

/** As a pod in that namespace would write it: `web`, `web.shop`, `web.shop.svc`, `web.shop.svc.cluster.local`. */
function serviceOfHost(host: string, namespace: string, clusterDomain: string): string | undefined {
  if (host.length > MAX_HOST_LENGTH || !HOST.test(host)) return undefined
  const [name = '', of = namespace, svc = 'svc', ...domain] = host.toLowerCase().split('.')
  if (svc !== 'svc') return undefined
  return domain.length === 0 || domain.join('.') === clusterDomain.toLowerCase() ? `${of}/${name}` : undefined
}

function noteWhatIsIgnored(spec: LenientFields): void {
  if (spec.stringList('exportTo').some((to) => to !== '*' && to !== '.')) spec.refuse('exportTo')
  spec.refuse('subsets', 'labels of pods are not watched')
  spec.refuse('workloadSelector', 'labels of pods are not watched')
  spec.refuseOthers()
}
