import { TOPOLOGY_CLASSES } from './topology.ts'

/** Kinds of nodes to prefer, nearest first, e.g. `node, lan, any`; without `any` at its end, no others are used. */
export const TOPOLOGY_ANNOTATION = 'edgeway.io/topology'

/** `agent`: connections go through the agent even where the kernel could carry them; `auto`: as if it were not there. */
export const FORWARDING_ANNOTATION = 'edgeway.io/forwarding'

/** `true`: the mesh serves even `default/kubernetes`; `false`: it leaves the Service's traffic alone. */
export const INTERCEPT_ANNOTATION = 'edgeway.io/intercept'

/** How endpoints are chosen: one of `BALANCING_ANNOTATION_VALUES`. */
export const BALANCING_ANNOTATION = 'edgeway.io/balancing'

export const BALANCING_ANNOTATION_VALUES = ['random', 'round-robin', 'source-ip-hash'] as const

/** Of KubeEdge, on a Service: only endpoints of the client's own NodeGroup may be used. */
export const SERVICE_TOPOLOGY_ANNOTATION = 'apps.kubeedge.io/service-topology'

export const RANGE_NODE_GROUP = 'range-nodegroup'

const OWN_PREFIX = 'edgeway.io/'

type Annotations = Readonly<Record<string, string>>

const VALUES: ReadonlyMap<string, readonly string[]> = new Map([
  [FORWARDING_ANNOTATION, ['auto', 'agent']],
  [INTERCEPT_ANNOTATION, ['true', 'false']],
  [BALANCING_ANNOTATION, [...BALANCING_ANNOTATION_VALUES]],
])

/**
 * What is wrong with a Service's `edgeway.io` annotations, one sentence each with name, value and what was expected.
 * What is wrong is treated as if it were not there.
 */
export function annotationProblems(annotations: Annotations): readonly string[] {
  return Object.entries(annotations).flatMap(([name, value]) => {
    if (name === TOPOLOGY_ANNOTATION) return topologyProblems(value)
    const expected = VALUES.get(name)
    if (expected === undefined)
      return name.startsWith(OWN_PREFIX) ? [`${name}: no such annotation of a Service`] : []
    if (expected.includes(value)) return []
    return [`${name}: expected ${expected.join(' or ')}, found "${value}"`]
  })
}

/** The words of the topology annotation, in order; empty when there is none. */
export function topologyWords(annotations: Annotations): readonly string[] {
  const text = annotations[TOPOLOGY_ANNOTATION] ?? ''
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
}

function topologyProblems(value: string): string[] {
  const known: readonly string[] = TOPOLOGY_CLASSES
  const words = topologyWords({ [TOPOLOGY_ANNOTATION]: value })
  const expected = `expected a list of ${TOPOLOGY_CLASSES.join(', ')}`
  if (words.length === 0) return [`${TOPOLOGY_ANNOTATION}: ${expected}, found none`]
  return words
    .filter((word) => !known.includes(word))
    .map((word) => `${TOPOLOGY_ANNOTATION}: ${expected}, found "${word}"`)
}
