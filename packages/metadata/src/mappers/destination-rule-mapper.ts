import type { DestinationPolicy } from '@edgeway/core'
import type { ApiObject } from '../kubernetes/api-object.ts'
import { mapDestinationPolicy } from './destination-policy-mapper.ts'
import { LenientFields } from './lenient-fields.ts'

/** An Istio DestinationRule, as far as the mesh can do what it says. */
export interface DestinationRule {
  readonly namespace: string
  readonly name: string
  /** As it is written; empty where it is missing. */
  readonly host: string
  /** `namespace/name` of the Service that the host stands for; there may be no such Service. */
  readonly service: string | undefined
  /** ISO 8601; empty where the source does not say. */
  readonly createdAt: string
  readonly policy: DestinationPolicy
  /** What of it is ignored, each with its path and the reason. */
  readonly problems: readonly string[]
}

const MAX_PROBLEMS = 16
const MAX_PROBLEM_LENGTH = 240

/**
 * Maps DestinationRules. Nothing in their `spec` is refused as a whole: what is wrong or not supported is left out and
 * noted.
 *
 * @param clusterDomain - e.g. `cluster.local`
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/
 */
export function destinationRuleMapper(clusterDomain: string): (object: ApiObject) => DestinationRule {
  return (object) => {
    const problems: string[] = []
    const { namespace, name } = object
    const spec = new LenientFields(object.fields, problems).child('spec')
    const host = spec?.string('host') ?? ''
    const service = serviceOfHost(host, namespace, clusterDomain)
    const mapped = {
      namespace,
      name,
      host,
      service,
      createdAt: object.fields.child('metadata').optionalString('creationTimestamp') ?? '',
      policy: mapDestinationPolicy(spec?.child('trafficPolicy')),
    }
    if (spec !== undefined) noteWhatIsIgnored(spec, host)
    if (service !== undefined && !service.startsWith(`${namespace}/`))
      spec?.wrong('host', host, "a Service of the rule's own namespace")
    return { ...mapped, problems: limited(problems) }
  }
}

/** As a pod in that namespace would write it: `web`, `web.shop`, `web.shop.svc`, `web.shop.svc.cluster.local`. */
function serviceOfHost(host: string, namespace: string, clusterDomain: string): string | undefined {
  const [name = '', of = namespace, svc = 'svc', ...domain] = host.toLowerCase().split('.')
  if (name === '' || of === '' || name.includes('*') || svc !== 'svc') return undefined
  return domain.length === 0 || domain.join('.') === clusterDomain.toLowerCase() ? `${of}/${name}` : undefined
}

function noteWhatIsIgnored(spec: LenientFields, host: string): void {
  if (host === '' || host.includes('*')) spec.wrong('host', host, 'the name of one Service')
  if (spec.stringList('exportTo').some((to) => to !== '*' && to !== '.')) spec.refuse('exportTo')
  spec.refuse('subsets', 'labels of pods are not watched')
  spec.refuse('workloadSelector', 'labels of pods are not watched')
  spec.refuseOthers()
}

function limited(problems: readonly string[]): readonly string[] {
  const shown = problems
    .slice(0, MAX_PROBLEMS)
    .map((text) => (text.length > MAX_PROBLEM_LENGTH ? `${text.slice(0, MAX_PROBLEM_LENGTH)}…` : text))
  const more = problems.length - shown.length
  return more === 0 ? shown : [...shown, `${more} more fields are ignored`]
}
