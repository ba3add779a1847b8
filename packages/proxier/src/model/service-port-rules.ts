import {
  balancingPolicyOf,
  type Endpoint,
  type EndpointHealth,
  type HealthState,
  IP_FAMILIES,
  type IpFamily,
  ipFamilyOf,
  isKernelPolicy,
  type ListenerDirectory,
  nodeWeights,
  reachOf,
  type Service,
  type ServiceDirectory,
  type ServicePort,
  selectEndpoints,
  servicePortMode,
  type TrafficScope,
  type Viewpoint,
} from '@edgeway/core'
import { familyOf, type KernelBalance, type KernelSlot, type Match, type Rule } from './rule.ts'

/** What rules are made from. */
export interface RuleSources {
  readonly services: Pick<
    ServiceDirectory,
    'servicePorts' | 'servicePort' | 'serviceOf' | 'endpoints' | 'lookup' | 'lookupNodePort'
  >
  readonly listeners: Pick<ListenerDirectory, 'listener'>
  readonly health: Pick<EndpointHealth, 'state'>
  readonly viewpoint: Viewpoint
}

/** What this node's kernel and configuration allow. */
export interface RuleLimits {
  /** Whether node ports are served: not beside a kube-proxy, which serves them already. */
  readonly nodePorts: boolean
  /** Most slots of a KERNEL rule by its balance; 0: no such rule. */
  readonly maxSlots: Readonly<Record<KernelBalance['kind'], number>>
  /** Families in which replies between two pods of one bridge would miss the kernel's translation back. */
  readonly masqueradeLocal: ReadonlySet<IpFamily>
}

/** One of a ServicePort's Matches, and by which traffic policy it is served. */
interface Door {
  readonly match: Match
  readonly scope: TrafficScope
}

/** A ServicePort, and what was decided for one of its scopes. */
interface Decision {
  readonly port: ServicePort
  readonly service: Service
  readonly scope: TrafficScope
  readonly selected: readonly Endpoint[]
  readonly mode: Rule['mode']
}

/**
 * The rules of one ServicePort, at most one per Match. It has none for a Match that another ServicePort owns, and none
 * that would lead to a listener while nobody listens: nothing is redirected into a hole.
 */
export function rulesOf(port: ServicePort, sources: RuleSources, limits: RuleLimits): readonly Rule[] {
  const service = sources.services.serviceOf(port.name)
  const doors = doorsOf(port, limits).filter(({ match }) => isOwner(port, match, sources.services))
  if (service === undefined || doors.length === 0) return []
  return scopesOf(doors).flatMap((scope) => {
    const decision = decide({ port, service, scope }, sources)
    if (decision === undefined) return []
    const matches = doors.filter((door) => door.scope === scope).map(({ match }) => match)
    return matches.flatMap((match) => ruleFor(match, decision, { ...sources, limits }) ?? [])
  })
}

/**
 * All Matches that a ServicePort may have rules for or keep others from having, whether or not it owns them now. A node port
 * is owned in both families, whichever the Service has.
 */
export function matchesOf(port: ServicePort): readonly Match[] {
  const { nodePort, protocol } = port
  const addresses = doorsOf(port, { nodePorts: false }).map(({ match }) => match)
  if (nodePort === undefined) return addresses
  return [
    ...addresses,
    ...IP_FAMILIES.map((family) => ({ kind: 'node-port', family, protocol, port: nodePort }) as const),
  ]
}

/** A headless Service has none, whatever else it lists. An external IP that is also a ClusterIP is the latter. */
function doorsOf(port: ServicePort, { nodePorts }: Pick<RuleLimits, 'nodePorts'>): Door[] {
  if (port.clusterIps.length === 0) return []
  const at =
    (scope: TrafficScope) =>
    (ip: string): Door => ({
      match: { kind: 'address', ip, protocol: port.protocol, port: port.port },
      scope,
    })
  return [
    ...port.clusterIps.map(at('internal')),
    ...port.externalIps.filter((ip) => !port.clusterIps.includes(ip)).map(at('external')),
    ...(nodePorts ? nodePortDoors(port) : []),
  ]
}

/** A node port exists in the families that the Service has. */
function nodePortDoors({ nodePort, protocol, clusterIps }: ServicePort): Door[] {
  if (nodePort === undefined) return []
  const families = new Set(clusterIps.map(ipFamilyOf))
  return [...families].map((family) => ({
    match: { kind: 'node-port', family, protocol, port: nodePort },
    scope: 'external',
  }))
}

/** While an address moves from one Service to another, both may list it: the directory's word counts, as in traffic. */
function isOwner(port: ServicePort, match: Match, services: RuleSources['services']): boolean {
  return ownerOf(match, services)?.name === port.name
}

/** The ServicePort that a Match is of. */
export function ownerOf(
  match: Match,
  services: Pick<ServiceDirectory, 'lookup' | 'lookupNodePort'>,
): ServicePort | undefined {
  return match.kind === 'address'
    ? services.lookup(match.ip, match.port, match.protocol)
    : services.lookupNodePort(match.port, match.protocol)
}

function scopesOf(doors: readonly Door[]): TrafficScope[] {
  return [...new Set(doors.map(({ scope }) => scope))]
}

function decide(
  { port, service, scope }: Pick<Decision, 'port' | 'service' | 'scope'>,
  { services, viewpoint, health }: RuleSources,
): Decision | undefined {
  const endpoints = services.endpoints(port.name)
  const healthOf = (endpoint: Endpoint): HealthState => health.state(port.name, endpoint)
  const selected = selectEndpoints({ service, endpoints, scope, healthOf }, viewpoint)
  const mode = servicePortMode({ port, service, selected, healthOf }, viewpoint)
  return mode === undefined ? undefined : { port, service, scope, selected, mode }
}

type RuleContext = RuleSources & { readonly limits: RuleLimits }

function ruleFor(match: Match, decision: Decision, context: RuleContext): Rule | undefined {
  if (decision.mode === 'REJECT') return { mode: 'REJECT', match }
  const kernel = decision.mode === 'KERNEL' ? kernelRule(match, decision, context) : undefined
  if (kernel !== undefined) return kernel
  const listener = context.listeners.listener(decision.port.name, familyOf(match))
  return listener === undefined ? undefined : { mode: 'AGENT', match, listener }
}

/** @returns `undefined` when the kernel can't do it here: the policy, that many endpoints or weights, or none of that family */
function kernelRule(match: Match, decision: Decision, context: RuleContext): Rule | undefined {
  const balance = kernelBalanceOf(decision.service)
  const slots = slotsOf(match, decision, context)
  if (balance === undefined || slots.length === 0) return undefined
  if (sharesOf(slots) > context.limits.maxSlots[balance.kind]) return undefined
  const loopback = match.kind === 'node-port' ? loopbackOf(match, decision.port, context) : undefined
  return { mode: 'KERNEL', match, balance, slots, loopback }
}

/** How many slots of equal weight would do the same. */
function sharesOf(slots: readonly KernelSlot[]): number {
  const lightest = Math.min(...slots.map(({ weight }) => weight))
  const total = slots.reduce((sum, { weight }) => sum + weight, 0)
  return slots.every(({ weight }) => weight === lightest) ? slots.length : total
}

function kernelBalanceOf(service: Service): KernelBalance | undefined {
  const policy = balancingPolicyOf(service)
  return isKernelPolicy(policy) ? policy : undefined
}

function slotsOf(match: Match, { selected, scope, service }: Decision, context: RuleContext): KernelSlot[] {
  const family = familyOf(match)
  const weights = nodeWeights(service.annotations)
  const slots = selected
    .filter(({ ip }) => ipFamilyOf(ip) === family)
    .map((endpoint) => slotOf(endpoint, { scope, weights }, context))
  // Two EndpointSlices may list one pod.
  return [...new Map(slots.map((slot) => [`${slot.ip} ${slot.port}`, slot])).values()]
}

interface SlotChoice {
  readonly scope: TrafficScope
  /** By name of the node. */
  readonly weights: ReadonlyMap<string, number>
}

function slotOf(
  { ip, port, node }: Endpoint,
  { scope, weights }: SlotChoice,
  context: RuleContext,
): KernelSlot {
  const path = reachOf(node, context.viewpoint) === 'local' ? 'local' : 'routed'
  const masquerade =
    path === 'local' ? needsMasquerade(ip, context) : scope === 'external' || node === undefined
  return { ip, port, weight: weights.get(node ?? '') ?? 1, path, masquerade }
}

function needsMasquerade(ip: string, { limits }: RuleContext): boolean {
  return limits.masqueradeLocal.has(ipFamilyOf(ip))
}

function loopbackOf(match: Match, port: ServicePort, { listeners }: RuleContext) {
  return port.protocol === 'TCP' ? listeners.listener(port.name, familyOf(match)) : undefined
}
