import { MemoryLogger } from '@edgeway/testbed'
import { beforeEach, describe, expect, it } from 'vitest'
import type { RunCommand } from '../command/run-command.ts'
import { NodeConditions, type NodeConditionsOptions } from './node-conditions.ts'

const CAPABILITIES = {
  maxKernelRules: 7,
  maxSlots: { random: 16, 'client-ip': 16, 'source-ip-hash': 16 },
  failOpen: false,
}
const KUBE_PROXY = 'table ip kube-proxy {\n\tchain services {\n\t}\n}\n'

describe('NodeConditions', () => {
  let logger: MemoryLogger
  /** What `nft list chains` says, and how often it was asked. */
  let chains: string
  let looks: number

  beforeEach(() => {
    logger = new MemoryLogger()
    chains = 'table inet other {\n}\n'
    looks = 0
  })

  const run: RunCommand = async ([tool]) => {
    if (tool === 'nft') looks++
    return { code: 0, stdout: tool === 'nft' ? chains : '', stderr: '' }
  }

  function read(options: Partial<NodeConditionsOptions> = {}): Promise<NodeConditions> {
    return NodeConditions.read(
      { kernelPath: 'auto', nodePorts: 'auto', ...options },
      { run, logger, capabilities: CAPABILITIES, deviceName: 'edgeway0', root: '/nowhere' },
    )
  }

  it('passes on what the backend can do, unless the kernel path is off', async () => {
    expect((await read()).limits()).toMatchObject({ maxKernelRules: 7, maxSlots: CAPABILITIES.maxSlots })
    expect((await read({ kernelPath: 'off' })).limits().maxSlots).toEqual({
      random: 0,
      'client-ip': 0,
      'source-ip-hash': 0,
    })
  })

  it('serves node ports unless a kube-proxy does, and says who does', async () => {
    expect((await read()).limits().nodePorts).toBe(true)
    chains = KUBE_PROXY
    expect((await read()).limits().nodePorts).toBe(false)
    expect(logger.lines.at(-1)?.fields).toMatchObject({
      edgeway: false,
      evidence: 'nftables table ip kube-proxy',
    })
  })

  it('serves node ports or not as it is told, and does not look for a kube-proxy then', async () => {
    chains = KUBE_PROXY
    expect((await read({ nodePorts: 'on' })).limits().nodePorts).toBe(true)
    expect((await read({ nodePorts: 'off' })).limits().nodePorts).toBe(false)
    expect(looks).toBe(0)
  })

  it('notices a kube-proxy that comes later, though it does not look for one each time', async () => {
    const conditions = await read()
    chains = KUBE_PROXY
    const changes: boolean[] = []
    for (let look = 0; look < 15; look++) changes.push(await conditions.refresh())

    expect(changes.lastIndexOf(true)).toBe(14)
    expect(conditions.limits().nodePorts).toBe(false)
    expect(looks).toBe(2)
  })
})
