import { type Mesh, NO_FAULTS } from '@edgeway/testbed'
import { type ManyServices, makeServices, untilInEffect } from '../many-services.ts'
import { mustExec } from '../probes/must-exec.ts'
import type { Result } from '../result.ts'
import type { Scene } from '../scene.ts'
import { ChangedService } from './changed-service.ts'
import { measureIdleCpu } from './idle-cpu.ts'
import { type Measured, RULE_METRICS, resultsOf, worstOf } from './measured.ts'
import { measureReload } from './reload.ts'
import { type RuleSetup, restartAgent, setupsOf } from './rule-setup.ts'
import { measureSingleChanges } from './single-changes.ts'

/** How much is measured. */
export interface RulesPlan {
  /** Of ServicePorts, ascending; the last one is what targets are about. */
  readonly sizes: readonly number[]
  /** ServicePorts for which only the CPU at rest is measured, to compare with; less than all sizes. */
  readonly restingSize: number
  /** Loads at the last size; there is one at others. */
  readonly loads: number
  readonly restMs: number
}

type OnStep = (step: string) => void

/** ServicePorts at hand: that many in all, of which so many are of the Services made for it. */
interface Size {
  readonly all: number
  readonly made: number
  readonly isLast: boolean
}

/** Those of near, near-agent and far, three each, and the changed Service. */
const OTHER_SERVICE_PORTS = 10
/** Of edge-1's MetaServer, for its switches. */
const CONTROL = 'http://127.0.0.1:10551'
const BACKENDS = ['nftables', 'iptables'] as const
const MS_PER_SECOND = 1_000
/** As shipped. */
const AT_REST: RuleSetup = { backend: 'nftables', mode: 'KERNEL', resyncIntervalMs: 20_000 }

/**
 * Loads and changes of the rules of many Services with three endpoints each, by backend and mode; and CPU at rest. What
 * fails is told as missing.
 */
export async function measureRules(scene: Scene, plan: RulesPlan, onStep: OnStep): Promise<Result[]> {
  await repairMetaServer(scene.mesh)
  await ChangedService.make(scene)
  const results: Result[] = []
  let there = 0
  for (const all of [plan.restingSize, ...plan.sizes]) {
    const made = all - OTHER_SERVICE_PORTS
    onStep(`${all} ServicePorts: making them`)
    const { reason } = await orReason(() => make(scene, { from: there, to: made }))
    if (reason !== undefined) return [...results, ...BACKENDS.flatMap((name) => told(name, { reason }))]
    there = made
    const size = { all, made, isLast: all === plan.sizes.at(-1) }
    if (all !== plan.restingSize) results.push(...(await measureSize(scene, { size, plan }, onStep)))
    if (all === plan.restingSize || size.isLast)
      results.push(...(await measureAtRest(scene, { size, plan }, onStep)))
  }
  return results
}

async function make({ mesh }: Scene, numbers: Pick<ManyServices, 'from' | 'to'>): Promise<Measured> {
  await makeServices(mesh, { ...numbers, node: 'edge-1' })
  await untilInEffect(mesh, 'edge-1', numbers.to)
  return { figures: {} }
}

/** Changes that get lost now and then would be measured as late by the agent's next complete list. */
async function repairMetaServer({ lab }: Mesh): Promise<void> {
  const request = ['--silent', '--show-error', '--fail-with-body', '--data', JSON.stringify(NO_FAULTS)]
  await mustExec(lab.node('edge-1'), ['curl', ...request, `${CONTROL}/faults`])
}

interface Step {
  readonly size: Size
  readonly plan: RulesPlan
}

async function measureSize(scene: Scene, { size, plan }: Step, onStep: OnStep): Promise<Result[]> {
  const results: Result[] = []
  const byBackend = new Map<string, Measured[]>()
  for (const setup of setupsOf(size.all)) {
    const { backend, mode } = setup
    onStep(`${size.all} ServicePorts: ${backend}, ${mode}`)
    const loads = size.isLast ? plan.loads : 1
    const measured = await orReason(() => measureSetup(scene, setup, { size, loads, onStep }))
    if (measured.reason !== undefined) onStep(`failed: ${measured.reason}`)
    results.push(...told(`${backend}, ${size.all} ${mode}`, measured))
    byBackend.set(backend, [...(byBackend.get(backend) ?? []), measured])
  }
  if (!size.isLast) return results
  const worst = [...byBackend].map(([backend, all]) => told(backend, worstOf(all)))
  return [...worst.flat(), ...results]
}

function told(name: string, measured: Measured): Result[] {
  return resultsOf(name, RULE_METRICS, measured)
}

async function measureSetup(
  scene: Scene,
  setup: RuleSetup,
  { size, loads, onStep }: { readonly size: Size; readonly loads: number; readonly onStep: OnStep },
): Promise<Measured> {
  const agent = scene.mesh.agent('edge-1')
  const { seconds, count, updated } = await restartAgent(agent, setup, size.made)
  onStep(`loaded within ${seconds.toFixed(2)} s, ${count} syncs, ${updated} of them updates after the load`)
  const changes = await measureSingleChanges(scene)
  const loadMs: number[] = []
  for (let number = 1; number <= loads; number++) loadMs.push(await measureReload(agent, setup))
  const atStartMs = [seconds * MS_PER_SECOND]
  return { figures: { 'full load ms': loadMs, 'full load at start ms': atStartMs, ...changes } }
}

async function measureAtRest(scene: Scene, { size, plan }: Step, onStep: OnStep): Promise<Result[]> {
  onStep(`${size.all} ServicePorts: at rest`)
  const agent = scene.mesh.agent('edge-1')
  const measured = await orReason(async () => {
    await restartAgent(agent, AT_REST, size.made)
    return { figures: { 'idle CPU %': [await measureIdleCpu(agent, plan.restMs)] } }
  })
  if (measured.reason !== undefined) onStep(`failed: ${measured.reason}`)
  const name = size.isLast ? AT_REST.backend : `${AT_REST.backend}, ${size.all} ${AT_REST.mode}`
  return resultsOf(name, ['idle CPU %'], measured)
}

async function orReason(measure: () => Promise<Measured>): Promise<Measured> {
  try {
    return await measure()
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) }
  }
}
