import { describe, expect, it } from 'vitest'
import type { RunCommand } from '../../command/run-command.ts'
import { findFlavour, findTools } from './tools.ts'

/** @param outputs - what each command prints; others can't be started */
function running(outputs: Readonly<Record<string, string>>): { run: RunCommand; commands: string[] } {
  const commands: string[] = []
  const run: RunCommand = async (command) => {
    commands.push(command.join(' '))
    const stdout = outputs[command.join(' ')]
    if (stdout === undefined) throw new Error('ENOENT')
    return { code: 0, stdout, stderr: '' }
  }
  return { run, commands }
}

const BOTH = { 'iptables-nft-save --version': 'v1', 'iptables-legacy-save --version': 'v1' }

describe('findTools', () => {
  it('finds the commands that are named for the flavour', async () => {
    expect(await findTools('legacy', running(BOTH).run)).toMatchObject({
      save: { IPv4: ['iptables-legacy-save'], IPv6: ['ip6tables-legacy-save'] },
      restore: { IPv6: ['ip6tables-legacy-restore', '-w', '5', '--noflush'] },
    })
  })

  it.each([
    ['nft', 'iptables v1.8.9 (nf_tables)', 'legacy'],
    ['legacy', 'iptables v1.8.9 (legacy)', 'nft'],
    ['legacy', 'iptables v1.6.1', 'nft'],
  ] as const)('takes the only iptables for %s when it calls itself %s', async (flavour, version, other) => {
    const { run } = running({ 'iptables --version': version })
    expect(await findTools(flavour, run)).toMatchObject({ save: { IPv4: ['iptables-save'] } })
    expect(await findTools(other, run)).toBeUndefined()
  })

  it('finds none where none is installed', async () => {
    expect(await findTools('nft', running({}).run)).toBeUndefined()
  })
})

describe('findFlavour', () => {
  const LEGACY_RULES = {
    'iptables-nft-save': '',
    'ip6tables-nft-save': '',
    'iptables-legacy-save': '-A X -j Y\n',
  }

  it('runs no legacy command for a family without legacy tables', async () => {
    const names = { 'cat /proc/net/ip_tables_names': 'nat\n', 'cat /proc/net/ip6_tables_names': '' }
    const { run, commands } = running({ ...BOTH, ...LEGACY_RULES, ...names })
    expect(await findFlavour(run)).toBe('legacy')
    expect(commands).toContain('iptables-legacy-save')
    expect(commands).not.toContain('ip6tables-legacy-save')
  })

  it('takes nft where the kernel knows no legacy tables', async () => {
    const { run, commands } = running({ ...BOTH, ...LEGACY_RULES })
    expect(await findFlavour(run)).toBe('nft')
    expect(commands).not.toContain('iptables-legacy-save')
  })
})
