import { describe, expect, it } from 'vitest'
import type { RunCommand } from '../../command/run-command.ts'
import { CommandError } from '../../errors.ts'
import { IptablesBackend } from './iptables-backend.ts'

interface Refusal {
  readonly command: RegExp
  readonly input?: RegExp
  readonly stderr: string
}

/** A node on which all works but one thing. */
function probeOn(refusal?: Refusal): ReturnType<IptablesBackend['probe']> {
  const run: RunCommand = async (command, input = '') => {
    const refused = refusal?.command.test(command.join(' ')) === true && (refusal.input?.test(input) ?? true)
    return { code: refused ? 1 : 0, stdout: '', stderr: refused ? refusal.stderr : '' }
  }
  return new IptablesBackend({ flavour: 'nft', groupId: 1 }, run).probe()
}

describe('IptablesBackend.probe', () => {
  it('finds all balances and no fail-open where all works', async () => {
    expect(await probeOn()).toEqual({
      usable: true,
      capabilities: {
        maxKernelRules: 1_000,
        maxSlots: { random: 64, 'client-ip': 64, 'source-ip-hash': 10 },
        failOpen: false,
      },
    })
  })

  it('goes without the balances whose match is missing', async () => {
    const stderr = "Couldn't load match `statistic'"
    const command = /^iptables-nft-restore/
    expect(await probeOn({ command, input: /-m statistic/, stderr })).toMatchObject({
      capabilities: { maxSlots: { random: 0, 'client-ip': 0, 'source-ip-hash': 10 } },
    })
  })

  it('is content with IPv4', async () => {
    const stderr = 'Address family not supported'
    expect(await probeOn({ command: /^ip6tables/, stderr })).toMatchObject({ usable: true })
  })

  it.each([
    ['iptables is missing', { command: /^iptables/, stderr: '' }, /apt-get install iptables ipset/],
    ['it may not', { command: /^ipset/, stderr: 'Operation not permitted' }, /CAP_NET_ADMIN/],
    ['a kind of set is missing', { command: /^ipset/, stderr: 'unknown type' }, /unknown type.*bitmap:port/],
    ['a match is missing', { command: /^iptables-nft-restore/, stderr: 'no set' }, /no set.*xt_set/],
  ])('says what to do when %s', async (_, refusal, reason) => {
    expect(await probeOn(refusal)).toEqual({ usable: false, reason: expect.stringMatching(reason) })
  })

  it('says what to install when there is no ipset', async () => {
    const run: RunCommand = async (command) => {
      if (command[0] === 'ipset')
        throw new CommandError(command, { reason: "can't be started: spawn ipset ENOENT" })
      return { code: 0, stdout: '', stderr: '' }
    }
    const backend = new IptablesBackend({ flavour: 'nft', groupId: 1 }, run)
    expect(await backend.probe()).toMatchObject({ reason: expect.stringContaining('apt-get install') })
    await expect(backend.apply([])).rejects.toThrow(/can't be used/)
  })
})
