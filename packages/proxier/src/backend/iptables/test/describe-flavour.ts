import { afterAll, beforeAll, describe, it } from 'vitest'
import { EXEMPT_GROUP_ID, NodeLab } from '../../../../test/node-lab.ts'
import {
  type RuleBackendTraits,
  type RuleBackendUnderTest,
  ruleBackendContract,
} from '../../../../test/rule-backend-contract.ts'
import type { IptablesFlavour } from '../flavour.ts'
import { IptablesBackend } from '../iptables-backend.ts'
import { setPrefix } from '../names.ts'

/** What every backend holds to, shown for one flavour on a node of its own. */
export function describeFlavour(flavour: IptablesFlavour): void {
  describe(`IptablesBackend with iptables-${flavour}`, () => {
    let lab: NodeLab
    beforeAll(async () => {
      lab = await NodeLab.create()
    })
    afterAll(async () => lab[Symbol.asyncDispose]())

    const make = async (): Promise<RuleBackendUnderTest> => {
      await lab.reset()
      return { lab, create: () => new IptablesBackend({ flavour, groupId: EXEMPT_GROUP_ID }, lab.run) }
    }
    it.each(ruleBackendContract(make, traitsOf(flavour)))('$title', async ({ run }) => run())
  })
}

/** All nat chains of nf_tables and x_tables have one priority: ours are first only within one flavour. */
function traitsOf(flavour: IptablesFlavour): RuleBackendTraits {
  const [own, other] = [`iptables-${flavour}`, `iptables-${flavour === 'nft' ? 'legacy' : 'nft'}`] as const
  const tool = (version: '' | 6): string => `ip${version}tables-${flavour} -w`
  const set = (name: string): string => `${setPrefix(flavour)}${name}`
  return {
    repairedAfter: [own],
    noMatchFor: ['nftables', other],
    strangers: [
      { what: 'flushes the nat table', command: `${tool('')} -t nat -F` },
      { what: 'flushes the filter table of IPv6', command: `${tool(6)} -t filter -F` },
      { what: 'removes a jump', command: `${tool('')} -t nat -D POSTROUTING 1` },
      { what: 'puts a rule before ours', command: `${tool('')} -t nat -I PREROUTING 1 -p tcp -j ACCEPT` },
      { what: 'doubles a jump', command: `${tool(6)} -t nat -A OUTPUT -j EDGEWAY-OUTPUT` },
      { what: 'leads into our chains from elsewhere', command: `${tool('')} -A INPUT -j EDGEWAY-REJECTS` },
      {
        what: 'adds a rule to one of our chains',
        command: `${tool('')} -t nat -I EDGEWAY-SERVICES -j RETURN`,
      },
      { what: 'adds a chain of our name', command: `${tool('')} -t nat -N EDGEWAY-STRANGE` },
      { what: 'adds a member', command: `ipset add ${set('4-REJECT')} 10.96.0.1,tcp:80` },
      { what: 'flushes a set', command: `ipset flush ${set('6-KERNEL')}` },
      { what: 'adds a set of our name', command: `ipset create ${set('4-STRANGE')} hash:ip` },
      {
        what: 'replaces one of our sets by one of another type',
        command: `${tool('')} -t nat -F; ${tool('')} -F; ipset destroy ${set('4-HAIRPIN')}; ipset create ${set('4-HAIRPIN')} hash:net`,
      },
    ],
  }
}
