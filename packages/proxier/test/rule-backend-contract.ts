import type { ContractCase } from '@edgeway/testbed'
import { affinityCases, BALANCING_CASES } from './contract/balancing.ts'
import { CHANGE_CASES } from './contract/changes.ts'
import { DRIFT_CASES, strangerCases } from './contract/drift.ts'
import { EXEMPTION_CASES } from './contract/exemption.ts'
import { kubeProxyCases } from './contract/kube-proxy.ts'
import { MODE_CASES } from './contract/modes.ts'
import { NODE_PORT_CASES } from './contract/node-ports.ts'
import type { Case, RuleBackendTraits, RuleBackendUnderTest } from './contract/under-test.ts'

export type { RuleBackendTraits, RuleBackendUnderTest } from './contract/under-test.ts'

/**
 * What every RuleBackend holds to, seen from pods, from the node's own processes and from outside, over TCP and UDP,
 * IPv4 and IPv6. Needs root.
 *
 * @param make - gives a backend on a node without rules, for each case anew
 */
export function ruleBackendContract(
  make: () => Promise<RuleBackendUnderTest>,
  traits: RuleBackendTraits,
): readonly ContractCase[] {
  const cases: readonly Case[] = [
    ...MODE_CASES,
    ...BALANCING_CASES,
    ...affinityCases(traits),
    ...NODE_PORT_CASES,
    ...EXEMPTION_CASES,
    ...CHANGE_CASES,
    ...DRIFT_CASES,
    ...strangerCases(traits),
    ...kubeProxyCases(traits),
  ]
  return cases.map(([title, run]) => ({ title, run: async () => run(await make()) }))
}
