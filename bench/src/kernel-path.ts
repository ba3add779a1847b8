import { type Comparison, compareWays } from './compare-ways.ts'
import { cpuSeconds } from './cpu.ts'
import { BULK, CONNECTIONS, HTTP, LATENCY } from './probe.ts'
import { mustExec } from './probes/must-exec.ts'
import { absolute, type Result } from './result.ts'
import type { Scene } from './scene.ts'

/** How often each way is asked. */
export interface KernelPathPairs {
  /** Ours and the kernel's own translation: a few percent count. */
  readonly close: number
  readonly others: number
}

const NAME = { bench: 'proxier', case: 'kernel' } as const

/**
 * Client and pod on one node, by the rules in the kernel alone.
 *
 * @throws {Error} when the way that is to go through the agent did not
 */
export async function measureKernelPath(
  scene: Scene,
  pairs: KernelPathPairs,
  onStep: (step: string) => void,
): Promise<Result[]> {
  const { lab } = scene.mesh
  const { ours, references } = scene.waysToNearInKernel()
  const common: Omit<Comparison, 'references'> = {
    ...NAME,
    edgeMesh: 'same-node',
    client: lab.pod('client'),
    ours,
    probes: [BULK, HTTP, CONNECTIONS, LATENCY],
    // What conntrack still knows of thousands of connections to the same pod would be in the way of new ones.
    beforeEach: async () => void (await mustExec(lab.node('edge-1'), ['conntrack', '--flush'])),
  }
  const close = references.filter(({ name }) => name === 'kernel DNAT')
  const others = references.filter(({ name }) => name !== 'kernel DNAT')
  const before = await agentWork(scene)
  const results = await compareWays({ ...common, references: close, pairs: pairs.close }, onStep)
  // So far nothing was to go through the agent.
  const after = await agentWork(scene)
  results.push(...(await compareWays({ ...common, references: others, pairs: pairs.others }, onStep)))
  await scene.mustHaveForwarded()
  return [
    ...results,
    absolute({ ...NAME, metric: 'bytes in userspace', unit: 'B' }, [after.bytes - before.bytes]),
    absolute({ ...NAME, metric: 'agent CPU s', unit: 's' }, [after.cpu - before.cpu]),
  ]
}

async function agentWork(scene: Scene) {
  const agent = scene.mesh.agent('edge-1')
  return { bytes: await scene.bytesForwarded(), cpu: await cpuSeconds([agent.pid]) }
}
