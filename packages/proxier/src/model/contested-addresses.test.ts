import { formatServicePortName, type NodeName, type Service, type ServicePortName } from '@edgeway/core'
import { endpointsOf, FakeEndpointHealth, FakeServiceDirectory, serviceOf } from '@edgeway/testbed'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FakeListenerDirectory } from '../../test/fake-listener-directory.ts'
import { DesiredRules, type DesiredRulesLimits } from './desired-rules.ts'
import { formatMatch, type Rule, type RuleChange } from './rule.ts'

const LIMITS: DesiredRulesLimits = {
  nodePorts: true,
  maxSlots: { random: 16, 'client-ip': 16, 'source-ip-hash': 16 },
  masqueradeLocal: new Set(),
  maxKernelRules: Number.POSITIVE_INFINITY,
}
const NAMES = ['a', 'b', 'c', 'd'] as const
const IPS = ['10.96.0.1', '10.96.0.2', 'fd00::1'] as const
const ENDPOINTS = [[], endpointsOf('edge-1/10.1.0.1:80'), endpointsOf('edge-2/10.1.0.2:80')] as const
const LISTENER = { ip: '169.254.96.16', port: 15_001 }

const service: fc.Arbitrary<Service> = fc
  .record({
    name: fc.constantFrom(...NAMES),
    clusterIps: fc.uniqueArray(fc.constantFrom(...IPS), { minLength: 1, maxLength: 2 }),
    externalIps: fc.uniqueArray(fc.constantFrom(...IPS), { maxLength: 1 }),
    nodePort: fc.constantFrom(undefined, 30_001, 30_002),
    protocol: fc.constantFrom('TCP' as const, 'UDP' as const),
    intercept: fc.constantFrom('true', 'false'),
  })
  .map(({ name, clusterIps, externalIps, nodePort, protocol, intercept }) => {
    const plain = serviceOf(`shop/${name}`, '10.96.0.1', 80)
    const ports = plain.ports.map((port) => ({ ...port, clusterIps, externalIps, nodePort, protocol }))
    return { ...plain, clusterIps, ports, annotations: { 'edgeway.io/intercept': intercept } }
  })

type Step =
  | { readonly kind: 'set'; readonly service: Service; readonly endpoints: number }
  | { readonly kind: 'endpoints'; readonly name: string; readonly endpoints: number }
  | { readonly kind: 'delete' | 'listen' | 'hush'; readonly name: string }
  | { readonly kind: 'refresh' }

const endpoints = fc.nat({ max: ENDPOINTS.length - 1 })
const name = fc.constantFrom(...NAMES)
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('set' as const), service, endpoints }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('endpoints' as const), name, endpoints }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constantFrom('delete', 'listen', 'hush'), name }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('refresh' as const) }) },
  ),
  { minLength: 2, maxLength: 30 },
)

/** A world in which Services want each other's addresses, and the rules that follow it by its notices alone. */
class Contest {
  readonly #services = new FakeServiceDirectory()
  readonly #listeners = new FakeListenerDirectory()
  readonly #limits: DesiredRulesLimits
  readonly #desired: DesiredRules
  readonly #told = new Map<string, Rule>()
  readonly #changed = new Set<ServicePortName>()

  constructor(limits = LIMITS) {
    this.#limits = limits
    this.#desired = this.#anew(limits)
    const note = (changed: ServicePortName): void => void this.#changed.add(changed)
    this.#services.watch(note)
    this.#listeners.watch(note)
  }

  take(step: Step): void {
    if (step.kind === 'refresh') this.#refresh()
    else if (step.kind === 'set') this.#services.set(step.service, ENDPOINTS[step.endpoints])
    else if (step.kind === 'delete') this.#services.delete('shop', step.name)
    else this.#takeOfPort(step, formatServicePortName('shop', step.name, ''))
  }

  compare(): void {
    this.#refresh()
    const anew = this.#anew(this.#limits)
    anew.refreshAll()
    expect(sorted(this.#desired)).toEqual(sorted(anew))
    expect(sorted(this.#told.values())).toEqual(sorted(anew))
    expect(this.#desired.refreshAll()).toEqual([])
  }

  /** Which ServicePorts get places in the kernel is left open; none are left while somebody waits who fits in. */
  compareUnderCap(): void {
    this.#refresh()
    expect(sorted(this.#told.values())).toEqual(sorted(this.#desired))
    const uncapped = this.#anew(LIMITS)
    uncapped.refreshAll()
    const [placed, wanted] = [kernelRulesOf(this.#desired), kernelRulesOf(uncapped)]
    expect(placed).toBeLessThanOrEqual(this.#limits.maxKernelRules)
    if (placed + MOST_RULES_OF_ONE <= this.#limits.maxKernelRules) expect(placed).toBe(wanted)
  }

  #takeOfPort(
    step: Extract<Step, { readonly kind: 'endpoints' | 'listen' | 'hush' | 'delete' }>,
    of: ServicePortName,
  ): void {
    if (step.kind === 'endpoints') this.#services.setEndpoints(of, ENDPOINTS[step.endpoints] ?? [])
    else if (step.kind === 'listen') this.#listeners.set(of, LISTENER)
    else this.#listeners.delete(of)
  }

  #refresh(): void {
    this.#keep(this.#desired.refresh(this.#changed))
    this.#changed.clear()
  }

  /** As a backend does. */
  #keep(changes: readonly RuleChange[]): void {
    for (const { previous } of changes) if (previous) this.#told.delete(formatMatch(previous.match))
    for (const { current } of changes) if (current) this.#told.set(formatMatch(current.match), current)
  }

  #anew(limits: DesiredRulesLimits): DesiredRules {
    const viewpoint = { nodeName: 'edge-1' as NodeName, nodes: { node: () => undefined } }
    const health = new FakeEndpointHealth()
    const nodeListeners = new FakeListenerDirectory()
    const sources = {
      services: this.#services,
      listeners: this.#listeners,
      nodeListeners,
      health,
      viewpoint,
    }
    return new DesiredRules(sources, limits)
  }
}

/** Three addresses and a node port in two families. */
const MOST_RULES_OF_ONE = 5

function kernelRulesOf(rules: Iterable<Rule>): number {
  return [...rules].filter(({ mode }) => mode === 'KERNEL').length
}

function sorted(rules: Iterable<Rule>): readonly Rule[] {
  return [...rules].toSorted((a, b) => (formatMatch(a.match) < formatMatch(b.match) ? -1 : 1))
}

describe('DesiredRules where Services want the same addresses', () => {
  it('has after any changes the rules that it would have from scratch', () => {
    fc.assert(
      fc.property(steps, (taken) => {
        const contest = new Contest()
        for (const step of taken) contest.take(step)
        contest.compare()
      }),
      { numRuns: 1_000 },
    )
  })

  it('keeps within the number of rules that the kernel may carry, and leaves no room unused', () => {
    fc.assert(
      fc.property(steps, fc.nat({ max: 8 }), (taken, maxKernelRules) => {
        const contest = new Contest({ ...LIMITS, maxKernelRules })
        for (const step of taken) contest.take(step)
        contest.compareUnderCap()
      }),
      { numRuns: 1_000 },
    )
  })
})
