import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NetworkNamespace, uniqueLabId } from '@edgeway/testbed'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Nft, nftCommand } from './nft.ts'
import { NftSession } from './nft-session.ts'

describe('NftSession', () => {
  let node: NetworkNamespace
  let base: Nft
  let children: ChildProcessWithoutNullStreams[]
  let session: NftSession

  beforeAll(async () => {
    node = await NetworkNamespace.create(`ns${uniqueLabId()}`)
    base = nftCommand((command, input = '') => node.exec(command, { input }))
  })
  afterAll(async () => {
    await node[Symbol.asyncDispose]()
  })

  beforeEach(async () => {
    await base.load('flush ruleset\ntable inet t {\n  set s { type inet_service; }\n}\n')
    children = []
    session = sessionOf((command) => spawn('ip', ['netns', 'exec', node.name, ...command]))
    return () => session.close()
  })

  function sessionOf(start: (command: readonly string[]) => ChildProcessWithoutNullStreams): NftSession {
    return new NftSession(base, async (command) => {
      const child = start(command)
      children.push(child)
      await once(child, 'spawn')
      return child
    })
  }

  async function elements(): Promise<string> {
    return /elements = \{ (.*) \}/.exec((await node.exec(['nft', 'list', 'ruleset'])).stdout)?.[1] ?? ''
  }

  it('carries out scripts one after the other in one process', async () => {
    await session.load('add element inet t s { 1, 2 }\n')
    await session.load('delete element inet t s { 1 }\nadd element inet t s { 3 }\n')

    expect(await elements()).toBe('2, 3')
    expect(children).toHaveLength(1)
  })

  it('carries out a script wholly or not at all, and says why not', async () => {
    await session.load('add element inet t s { 1 }\n')

    const refused = session.load('add element inet t s { 2 }\ndelete element inet t s { 9 }\n')
    await expect(refused).rejects.toThrow(/No such file or directory/)
    expect(await elements()).toBe('1')
  })

  it('goes on with a new process when somebody killed the first one', async () => {
    await session.load('add element inet t s { 1 }\n')
    children[0]?.kill('SIGKILL')
    await once(children[0] ?? expect.fail(), 'close')

    await session.load('add element inet t s { 2 }\n')

    expect(await elements()).toBe('1, 2')
    expect(children).toHaveLength(2)
  })

  it('does not claim that a script was carried out when its process died over it', async () => {
    await session.load('add element inet t s { 1 }\n')
    children[0]?.kill('SIGSTOP')
    const loaded = session.load('add element inet t s { 2 }\n')
    children[0]?.kill('SIGKILL')

    await expect(loaded).rejects.toThrow(/nft -i.* ended/)
    await session.load('add element inet t s { 3 }\n')
    expect(await elements()).toBe('1, 3')
  })

  it('goes on with a new process before the lines that nft remembers fill the memory', async () => {
    const longLine = `add element inet t s { 2 } # ${'x'.repeat(60_000)}\n`
    for (let i = 0; i < 40; i++) await session.load(longLine)
    await session.load('add element inet t s { 1 }\n')

    expect(children).toHaveLength(2)
    expect(await elements()).toBe('1, 2')
  })

  it('leaves no history of commands in any file', async () => {
    const home = await mkdtemp(join(tmpdir(), 'edgeway-home-'))
    session = sessionOf((command) =>
      spawn('ip', ['netns', 'exec', node.name, ...command], { env: { ...process.env, HOME: home } }),
    )
    await session.load('add element inet t s { 1 }\n')
    session.close()
    await once(children[0] ?? expect.fail(), 'close')

    expect(await readdir(home)).toEqual([])
    await rm(home, { recursive: true })
  })

  it('leaves scripts with blocks, and very long ones, to processes of their own', async () => {
    await session.load('table inet t {\n  set other { type inet_service; }\n}\n')
    await session.load(
      `add element inet t s { ${Array.from({ length: 20_000 }, (_, i) => i + 1).join(', ')} }\n`,
    )

    expect(children).toEqual([])
    expect((await node.exec(['nft', 'list', 'sets'])).stdout).toContain('set other')
  })

  it.each([
    ['has no interactive mode', ['sh', '-c', 'echo "Error: Interactive CLI not supported in this build."']],
    ['can not be started', ['/edgeway-no-such-command']],
  ])('uses processes of their own where nft %s', async (_what, [file = '', ...args]) => {
    session = sessionOf(() => spawn(file, args))

    await session.load('add element inet t s { 1 }\n')
    await session.load('add element inet t s { 2 }\n')

    expect(await elements()).toBe('1, 2')
    expect(children).toHaveLength(1)
  })

  it('ends its process when it is closed', async () => {
    await session.load('add element inet t s { 1 }\n')
    session.close()

    expect(await once(children[0] ?? expect.fail(), 'close')).toEqual([0, null])
  })
})
