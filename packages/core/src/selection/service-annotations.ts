import { requestAnnotationProblems } from './request-annotation-problems.ts'
import { MAX_ANNOTATION_LENGTH } from './request-annotations.ts'
import { TOPOLOGY_CLASSES } from './topology.ts'

/** Kinds of nodes to prefer, nearest first, e.g. `node, lan, any`; without `any` at its end, no others are used. */
export const TOPOLOGY_ANNOTATION = 'edgeway.io/topology'

/**
 * `agent`: connections go through the agent even where the kernel could carry them; `l7`: their HTTP requests are balanced
 * one by one; `l4`: never that, whatever the Service declares or wishes; `auto`: as if it were not there.
 */
export const FORWARDING_ANNOTATION = 'edgeway.io/forwarding'

/** `true`: the mesh serves even `default/kubernetes`; `false`: it leaves the Service's traffic alone. */
export const INTERCEPT_ANNOTATION = 'edgeway.io/intercept'

/** How endpoints are chosen: one of `BALANCING_ANNOTATION_VALUES`. */
export const BALANCING_ANNOTATION = 'edgeway.io/balancing'

export const BALANCING_ANNOTATION_VALUES = [
  'random',
  'round-robin',
  'least-connections',
  'peak-ewma',
  'source-ip-hash',
  'server-name-hash',
] as const

/** Shares of the nodes' endpoints, e.g. `edge-1=3, edge-2=1`: 1 to 100; 1 for a node that is not named. */
export const WEIGHTS_ANNOTATION = 'edgeway.io/weights'

/** `v2`: an endpoint is told first who calls, by a header of the PROXY protocol. For TCP. */
export const PROXY_PROTOCOL_ANNOTATION = 'edgeway.io/proxy-protocol'

/** `tcp`: endpoints are connected to now and then to see whether they answer; `off`: only calls tell. */
export const HEALTH_CHECK_ANNOTATION = 'edgeway.io/health-check'

/** Of KubeEdge, on a Service: only endpoints of the client's own NodeGroup may be used. */
export const SERVICE_TOPOLOGY_ANNOTATION = 'apps.kubeedge.io/service-topology'

export const RANGE_NODE_GROUP = 'range-nodegroup'

const OWN_PREFIX = 'edgeway.io/'

const NO_WORDS: readonly string[] = []

type Annotations = Readonly<Record<string, string>>

const VALUES: ReadonlyMap<string, readonly string[]> = new Map([
  [FORWARDING_ANNOTATION, ['auto', 'agent', 'l4', 'l7']],
  [INTERCEPT_ANNOTATION, ['true', 'false']],
  [BALANCING_ANNOTATION, [...BALANCING_ANNOTATION_VALUES]],
  [PROXY_PROTOCOL_ANNOTATION, ['v2']],
  [HEALTH_CHECK_ANNOTATION, ['tcp', 'off']],
])

/**
 * What is wrong with a Service's `edgeway.io` annotations, one sentence each with name, value and what was expected.
 * What is wrong is treated as if it were not there.
 */
export function annotationProblems(annotations: Annotations): readonly string[] {
  return Object.entries(annotations)
    .filter(([name]) => name.startsWith(OWN_PREFIX))
    .flatMap(([name, value]) => {
      if (value.length > MAX_ANNOTATION_LENGTH)
        return [`${name}: expected at most ${MAX_ANNOTATION_LENGTH} characters, found ${value.length}`]
      if (name === TOPOLOGY_ANNOTATION) return topologyProblems(value)
      if (name === WEIGHTS_ANNOTATION) return weightsProblems(value)
      return valueProblems(name, value)
    })
}

function valueProblems(name: string, value: string): string[] {
  const ofRequests = requestAnnotationProblems(name, value)
  if (ofRequests !== undefined) return ofRequests.map((problem) => `${name}: ${problem}`)
  const expected = VALUES.get(name)
  if (expected === undefined) return [`${name}: no such annotation of a Service`]
  if (expected.includes(value)) return []
  return [`${name}: expected ${expected.join(' or ')}, found "${value}"`]
}

/** The words of the topology annotation, in order, each once; empty when there is none. */
export function topologyWords(annotations: Annotations): readonly string[] {
  const text = annotations[TOPOLOGY_ANNOTATION]
  if (text === undefined || text.length > MAX_ANNOTATION_LENGTH) return NO_WORDS
  const words = text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
  return [...new Set(words)]
}

const MIN_WEIGHT = 1
const MAX_WEIGHT = 100
const NO_WEIGHTS: ReadonlyMap<string, number> = new Map()

/** By name of the node; entries that can't be read are left out. */
export function nodeWeights(annotations: Annotations): ReadonlyMap<string, number> {
  const text = annotations[WEIGHTS_ANNOTATION]
  if (text === undefined || text.length > MAX_ANNOTATION_LENGTH) return NO_WEIGHTS
  const entries = weightEntries(text)
  return new Map(entries.flatMap(({ node, weight }) => (weight === undefined ? [] : [[node, weight]])))
}

function weightEntries(text: string): { text: string; node: string; weight: number | undefined }[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [, node = '', digits = ''] = /^([a-z0-9][-a-z0-9.]*)\s*=\s*(\d{1,3})$/.exec(entry) ?? []
      const weight = Number(digits)
      return { text: entry, node, weight: weight >= MIN_WEIGHT && weight <= MAX_WEIGHT ? weight : undefined }
    })
}

function weightsProblems(value: string): string[] {
  const expected = `expected a list of node=${MIN_WEIGHT} to ${MAX_WEIGHT}`
  const entries = weightEntries(value)
  if (entries.length === 0) return [`${WEIGHTS_ANNOTATION}: ${expected}, found none`]
  const seen = new Set<string>()
  return entries
    .filter(({ node, weight }) => weight === undefined || seen.size === seen.add(node).size)
    .map(({ text, weight }) => {
      const found = weight === undefined ? `found "${text}"` : `found the node of "${text}" twice`
      return `${WEIGHTS_ANNOTATION}: ${expected}, ${found}`
    })
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
