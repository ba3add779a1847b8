import { measureKernelPath } from '../src/kernel-path.ts'
import { measureRules } from '../src/rules/measure-rules.ts'
import { Scene } from '../src/scene.ts'
import type { BenchCase } from './case.ts'

const PAIRS = { close: 11, others: 5 }
const PLAN = { sizes: [1_000, 5_000, 10_000], restingSize: 15, loads: 3, restMs: 30_000 }

export const proxier: BenchCase = {
  name: 'proxier',
  summary:
    'client and pod on one node, by the kernel alone; loads and changes of the rules of up to 10,000 ServicePorts',
  async run(onStep) {
    await using scene = await Scene.start(onStep)
    const kernelPath = await measureKernelPath(scene, PAIRS, onStep)
    return [...kernelPath, ...(await measureRules(scene, PLAN, onStep))]
  },
}
