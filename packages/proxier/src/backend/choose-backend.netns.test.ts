import { MemoryLogger, NetworkNamespace, uniqueLabId } from '@edgeway/testbed'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { RunCommand } from '../command/run-command.ts'
import { CommandError } from '../errors.ts'
import type { Rule } from '../model/rule.ts'
import { type BackendOptions, chooseBackend } from './choose-backend.ts'

const OPTIONS: BackendOptions = { backend: 'auto', failMode: 'closed', groupId: 4_242 }
const RULE: Rule = {
  mode: 'REJECT',
  match: { kind: 'address', ip: '10.96.0.1', protocol: 'TCP', port: 80 },
}

describe('chooseBackend', () => {
  let node: NetworkNamespace
  let logger: MemoryLogger

  beforeAll(async () => {
    node = await NetworkNamespace.create(`cb${uniqueLabId()}`)
  })
  afterAll(async () => {
    await node[Symbol.asyncDispose]()
  })
  beforeEach(() => {
    logger = new MemoryLogger()
  })

  const run: RunCommand = (command, input = '') => node.exec(command, { input })

  /** A node that lacks these tools. */
  function without(missing: RegExp): RunCommand {
    return async (command, input) => {
      const [tool = ''] = command
      if (missing.test(tool))
        throw new CommandError(command, { reason: `can't be started: spawn ${tool} ENOENT` })
      return run(command, input)
    }
  }

  it('takes nftables where it works', async () => {
    const { backend } = await chooseBackend(OPTIONS, { run, logger })

    expect(backend.name).toBe('nftables')
  })

  it('takes iptables where nftables is missing, and says what was', async () => {
    const { backend } = await chooseBackend(OPTIONS, { run: without(/^nft$/), logger })

    expect(backend.name).toBe('iptables-nft')
    expect(logger.lines).toContainEqual(
      expect.objectContaining({
        fields: expect.objectContaining({ unusable: [expect.stringMatching(/^nftables: .*nft/)] }),
      }),
    )
  })

  it('takes the other flavour of iptables where one is missing', async () => {
    const run = without(/^nft$|^ip6?tables(?!-legacy)/)
    const { backend } = await chooseBackend(OPTIONS, { run, logger })

    expect(backend.name).toBe('iptables-legacy')
  })

  it('takes what it is told to', async () => {
    const { backend } = await chooseBackend({ ...OPTIONS, backend: 'iptables' }, { run, logger })

    expect(backend.name).toBe('iptables-nft')
  })

  it('names every way that is closed, and what to install, where none is open', async () => {
    const chosen = chooseBackend(OPTIONS, { run: without(/^nft$|^ip/), logger })

    await expect(chosen).rejects.toMatchObject({ code: 'ERR_RULES_UNAVAILABLE' })
    await expect(chosen).rejects.toThrow(/nftables: .*iptables-nft: .*apt-get install.*iptables-legacy: /s)
  })

  it('says that iptables can not fail open', async () => {
    await chooseBackend({ ...OPTIONS, backend: 'iptables', failMode: 'open' }, { run, logger })

    expect(logger.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', message: expect.stringContaining('failMode open') }),
    )
  })

  it('removes what an earlier process made by another backend', async () => {
    const earlier = await chooseBackend({ ...OPTIONS, backend: 'iptables' }, { run, logger })
    await earlier.backend.apply([RULE])
    const { backend, removeOthers } = await chooseBackend(OPTIONS, { run, logger })
    await backend.apply([RULE])

    await removeOthers()

    expect((await run(['iptables-nft-save'])).stdout).not.toContain('EDGEWAY')
    expect((await run(['ipset', 'list', '-name'])).stdout).toBe('')
    expect(await backend.verify([RULE])).toBe('intact')
    await backend.cleanup()
  })
})
