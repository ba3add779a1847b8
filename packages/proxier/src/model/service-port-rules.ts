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
  /** Of those that forward to endpoints. */
  readonly listeners: Pick<ListenerDirectory, 'listener'>
  /** Of those that answer a ServicePort themselves, at its ClusterIPs. */
  readonly nodeListeners: Pick<ListenerDirectory, 'listener'>
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

/** A ServicePort, and which endpoints it has in one of its scopes. */
interface Selection {
  readonly port: ServicePort
  readonly service: Service
  readonly scope: TrafficScope
  readonly selected: readonly Endpoint[]
  readonly healthOf: (endpoint: Endpoint) => HealthState
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
    const selection = select({ port, service, scope }, sources)
    const matches = doors.filter((door) => door.scope === scope).map(({ match }) => match)
    return matches.flatMap((match) => ruleFor(match, selection, { ...sources, limits }) ?? [])
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

function select(
  { port, service, scope }: Pick<Selection, 'port' | 'service' | 'scope'>,
  { services, viewpoint, health }: RuleSources,
): Selection {
  const endpoints = services.endpoints(port.name)
  const healthOf = (endpoint: Endpoint): HealthState => health.state(port.name, endpoint)
  const selected = selectEndpoints({ service, endpoints, scope, healthOf }, viewpoint)
  return { port, service, scope, selected, healthOf }
}

type RuleContext = RuleSources & { readonly limits: RuleLimits }

function ruleFor(match: Match, selection: Selection, context: RuleContext): Rule | undefined {
  const answering = answeringListener(match, selection, context)
  const request = { ...selection, answeredHere: answering !== undefined }
  switch (servicePortMode(request, context.viewpoint)) {
    case undefined:
      return undefined
    case 'NODE':
      return answering && { mode: 'NODE', match, listener: answering }
    case 'REJECT':
      return { mode: 'REJECT', match }
    case 'KERNEL':
      return kernelRule(match, selection, context) ?? agentRule(match, selection, context)
    case 'AGENT':
      return agentRule(match, selection, context)
  }
}

/** From outside of the cluster the endpoints are meant: who calls there may not know this node. */
function answeringListener(match: Match, { port, scope }: Selection, { nodeListeners }: RuleContext) {
  return scope === 'internal' ? nodeListeners.listener(port.name, familyOf(match)) : undefined
}

function agentRule(match: Match, { port }: Selection, { listeners }: RuleContext): Rule | undefined {
  const listener = listeners.listener(port.name, familyOf(match))
  return listener && { mode: 'AGENT', match, listener }
}

/** @returns `undefined` when the kernel can't do it here: the policy, that many endpoints or weights, or none of that family */
function kernelRule(match: Match, selection: Selection, context: RuleContext): Rule | undefined {
  const balance = kernelBalanceOf(selection.service)
  const slots = slotsOf(match, selection, context)
  if (balance === undefined || slots.length === 0) return undefined
  if (sharesOf(slots) > context.limits.maxSlots[balance.kind]) return undefined
  const loopback = match.kind === 'node-port' ? loopbackOf(match, selection.port, context) : undefined
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

function slotsOf(match: Match, { selected, scope, service }: Selection, context: RuleContext): KernelSlot[] {
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
