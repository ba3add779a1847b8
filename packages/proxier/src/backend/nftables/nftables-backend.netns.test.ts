import { afterAll, beforeAll, describe, it } from 'vitest'
import { EXEMPT_GROUP_ID, NodeLab } from '../../../test/node-lab.ts'
import { type RuleBackendTraits, ruleBackendContract } from '../../../test/rule-backend-contract.ts'
import { NftablesBackend } from './nftables-backend.ts'

const STRANGERS = [
  ['removes all tables', 'nft flush ruleset'],
  ['removes the rules of our table', 'nft flush table inet edgeway'],
  ['removes the elements of a map', 'nft flush map inet edgeway agent4'],
  ['removes our table', 'nft delete table inet edgeway'],
  ['adds an element', 'nft add element inet edgeway reject4 { 10.96.0.33 . tcp . 80 }'],
  ['adds a rule', 'nft insert rule inet edgeway services accept'],
  ['drops all packets', 'nft chain inet edgeway filter-input "{ policy drop; }"'],
  ['switches our table off', 'nft add table inet edgeway "{ flags dormant; }"'],
].map(([what = '', command = '']) => ({ what, command }))

describe('NftablesBackend', () => {
  let lab: NodeLab
  beforeAll(async () => {
    lab = await NodeLab.create()
  })
  afterAll(async () => lab[Symbol.asyncDispose]())

  const make = async () => {
    await lab.reset()
    const options = { groupId: EXEMPT_GROUP_ID, failMode: 'closed' } as const
    return { lab, create: () => new NftablesBackend(options, lab.run, { startCommand: lab.start }) }
  }
  // nft 1.0.6 can't express for IPv6 what has the kernel learn.
  const traits: RuleBackendTraits = { strangers: STRANGERS, affinityByHash: ['IPv6'] }
  it.each(ruleBackendContract(make, traits))('$title', async ({ run }) => run())
})
