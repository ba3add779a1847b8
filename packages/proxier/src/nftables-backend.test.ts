import { beforeEach, describe, expect, it } from 'vitest'
import { NftablesBackend } from './nftables-backend.ts'
import { nftChains } from './nftables-ruleset.ts'
import type { Rule } from './rules.ts'
import type { CommandResult, RunCommand } from './run-command.ts'

const TO_AGENT: Rule = {
  mode: 'AGENT',
  ip: '10.96.0.1',
  protocol: 'TCP',
  port: 80,
  listener: { ip: '169.254.96.16', port: 15_001 },
}
const REFUSED: Rule = { mode: 'REJECT', ip: '10.96.0.2', protocol: 'TCP', port: 80 }

/** A table of our layout that holds `TO_AGENT`, as nft lists it. */
const LISTING = JSON.stringify({
  nftables: [
    ...nftChains().map((name) => ({ chain: { name } })),
    {
      map: {
        name: 'agent4',
        elem: [[{ concat: ['10.96.0.1', 6, 80] }, { concat: ['169.254.96.16', 15_001] }]],
      },
    },
  ],
})

/** What the backend does when an `nft` fails; what it does to a kernel is tested against one. */
describe('NftablesBackend, when nft fails', () => {
  let backend: NftablesBackend
  /** Scripts that were loaded, as far as they did not fail. */
  let scripts: string[]
  /** The next listings fail with these. */
  let brokenListings: Partial<CommandResult>[]
  let failingLoads: number

  const nft: RunCommand = async (command, input = '') => {
    if (command.includes('list')) return { code: 0, stdout: LISTING, stderr: '', ...brokenListings.shift() }
    if (failingLoads-- > 0) return { code: 1, stdout: '', stderr: 'Error: out of memory' }
    scripts.push(input)
    return { code: 0, stdout: '', stderr: '' }
  }

  beforeEach(() => {
    scripts = []
    brokenListings = []
    failingLoads = 0
    backend = new NftablesBackend(4_242, nft)
  })

  it('updates after an update that failed, when the kernel still has what it had', async () => {
    await backend.apply([TO_AGENT])
    failingLoads = 1
    await expect(backend.apply([TO_AGENT, REFUSED])).rejects.toThrow(/out of memory/)

    expect(await backend.verify()).toBe('intact')
    expect(await backend.apply([TO_AGENT, REFUSED])).toBe('updated')
  })

  it.each([
    ['fails', { code: 1, stderr: 'Error: internal error' }],
    ['is no listing', { stdout: '' }],
  ])('loads everything again when the listing %s, without asking once more', async (_how, broken) => {
    await backend.apply([TO_AGENT])
    brokenListings = [broken]
    await expect(backend.verify()).rejects.toThrow()

    expect(await backend.verify()).toBe('intact')
    expect(await backend.apply([TO_AGENT])).toBe('loaded')
  })

  it('replaces a table that can never be listed', async () => {
    await backend.apply([TO_AGENT])
    brokenListings = [{ stdout: '' }, { stdout: '' }]
    await expect(backend.verify()).rejects.toThrow()
    await expect(backend.apply([TO_AGENT])).rejects.toThrow()

    expect(await backend.apply([TO_AGENT])).toBe('loaded')
    expect(scripts.at(-1)).toMatch(/^table inet edgeway\ndelete table inet edgeway\n/)
  })

  it('knows nothing of the kernel after a load whose outcome it could not list', async () => {
    await backend.apply([TO_AGENT])
    failingLoads = 1
    await expect(backend.apply([])).rejects.toThrow()
    brokenListings = [{ code: 1, stderr: 'Error: internal error' }]
    await expect(backend.apply([])).rejects.toThrow()

    expect(await backend.verify(), 'no drift: nobody else changed anything').toBe('intact')
    expect(await backend.apply([])).toBe('loaded')
  })
})
