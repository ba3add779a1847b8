import { NetworkNamespace, uniqueLabId } from '@edgeway/testbed'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RunCommand } from '../../command/run-command.ts'
import type { KernelRule, Rule } from '../../model/rule.ts'
import { NftablesBackend } from './nftables-backend.ts'

const BACKEND = JSON.stringify(new URL('nftables-backend.ts', import.meta.url).href)
const COMMAND = JSON.stringify(new URL('../../command/run-command.ts', import.meta.url).href)
const GENERATION = JSON.stringify(new URL('ruleset-generation.ts', import.meta.url).href)

const TO_AGENT: Rule = {
  mode: 'AGENT',
  match: { kind: 'address', ip: '10.96.0.1', protocol: 'TCP', port: 80 },
  listener: { ip: '169.254.96.16', port: 15_001 },
}

function sticky(...ips: readonly string[]): KernelRule {
  return {
    mode: 'KERNEL',
    match: { kind: 'address', ip: '10.96.0.2', protocol: 'TCP', port: 80 },
    balance: { kind: 'client-ip', timeoutSeconds: 100 },
    slots: ips.map((ip) => ({ ip, port: 8_080, weight: 1, path: 'routed', masquerade: false })),
    loopback: undefined,
  }
}

/** What it leaves in the kernel in a process of its own, and what it does with what it finds there. */
describe('NftablesBackend', () => {
  let namespace: NetworkNamespace
  let run: RunCommand

  beforeEach(async () => {
    namespace = await NetworkNamespace.create(`nf${uniqueLabId()}`)
    run = (command, input = '') => namespace.exec(command, { input })
  })
  afterEach(async () => namespace[Symbol.asyncDispose]())

  async function nft(command: string): Promise<string> {
    const { code, stdout, stderr } = await run(['sh', '-euc', `nft ${command}`])
    if (code !== 0) throw new Error(stderr)
    return stdout
  }

  function script(failMode: string, body: string): string[] {
    const code = `import { NftablesBackend } from ${BACKEND}
      import { runCommand } from ${COMMAND}
      import { kernelGeneration } from ${GENERATION}
      const backend = new NftablesBackend({ groupId: 4242, failMode: '${failMode}' }, runCommand)
      const rule = ${JSON.stringify(TO_AGENT)}
      ${body}`
    return [process.execPath, '--input-type=module', '-e', code]
  }

  function closed(): NftablesBackend {
    return new NftablesBackend({ groupId: 4_242, failMode: 'closed' }, run)
  }

  it.each([
    ['open', ''],
    ['closed', 'table inet edgeway\n'],
  ])('leaves with failMode %s what it shall when its process is killed', async (failMode, left) => {
    await closed().apply([])
    const owner = namespace.spawn(
      script(
        failMode,
        `await backend.probe()
        await backend.apply([])
        await backend.apply([rule])
        await backend.update([{ previous: rule, current: { ...rule, mode: 'NODE' } }])
        console.log('verified', await backend.verify([rule]))
        setInterval(() => {}, 1000)`,
      ),
    )
    await owner.waitForOutput(/verified intact/)
    expect(await nft('list table inet edgeway')).toContain('169.254.96.16')

    owner.kill('SIGKILL')
    await owner[Symbol.asyncDispose]()

    expect(await nft('list tables')).toBe(left)
  })

  it('removes a table that it owns, and can own one again', async () => {
    const body = `await backend.apply([rule])
      await backend.cleanup()
      await backend.cleanup()
      await backend.apply([rule])
      console.log(await backend.verify([rule]))
      await backend.cleanup()`

    const { stdout, stderr } = await run(script('open', body))

    expect({ stdout, stderr }).toEqual({ stdout: 'intact\n', stderr: '' })
    expect(await nft('list tables')).toBe('')
  })

  it('leaves the memory of its process alone, however often it owns a table and looks at it', async () => {
    const body = `for (let round = 0; round < 60; round++) {
        await backend.apply([rule])
        if (await backend.verify([rule]) !== 'intact') console.log('not intact')
        await backend.cleanup()
      }
      console.log('done')`

    expect(await run(script('open', body))).toEqual({ code: 0, stdout: 'done\n', stderr: '' })
  })

  it('reads a generation that grows by one with each transaction of anybody', async () => {
    const body = `const read = kernelGeneration()
      const first = await read()
      await runCommand(['nft', 'add', 'table', 'inet', 'foreign'])
      const second = await read()
      await runCommand(['nft', '-c', 'add', 'table', 'inet', 'tried'])
      console.log(second - first, await read() - second)`

    expect((await run(script('closed', body))).stdout).toBe('1 0\n')
  })

  it('lists nothing to verify while the generation is its own', async () => {
    const body = `let lists = 0
      const counting = (command, input) => {
        if (command.includes('table') && command.includes('list')) lists += 1
        return runCommand(command, input)
      }
      const watched = new NftablesBackend({ groupId: 4242, failMode: 'closed' }, counting, {
        readGeneration: kernelGeneration(),
      })
      await watched.apply([rule])
      const said = [await watched.verify([rule]), lists]
      await watched.update([{ previous: rule, current: undefined }])
      said.push(await watched.verify([]), lists)
      await runCommand(['nft', 'add', 'table', 'inet', 'foreign'])
      said.push(await watched.verify([]), lists, await watched.verify([]), lists)
      await runCommand(['nft', 'flush', 'table', 'inet', 'edgeway'])
      console.log(...said, await watched.verify([]))`

    expect((await run(script('closed', body))).stdout).toBe('intact 0 intact 0 intact 1 intact 1 drifted\n')
  })

  it('sees what a stranger changed just before an update of its own', async () => {
    const body = `const watched = new NftablesBackend({ groupId: 4242, failMode: 'closed' }, runCommand)
      await watched.apply([rule])
      await runCommand(['nft', 'flush', 'table', 'inet', 'edgeway'])
      await watched.update([{ previous: rule, current: undefined }])
      console.log(await watched.verify([]))
      await watched.cleanup()`

    expect((await run(script('closed', body))).stdout).toBe('drifted\n')
  })

  it('sees what a stranger changed just before an update that brings a new timeout', async () => {
    const backend = closed()
    await backend.apply([TO_AGENT])
    await nft('insert rule inet edgeway services accept')
    await backend.update([{ previous: undefined, current: sticky('10.1.0.1') }])

    expect(await backend.verify([TO_AGENT, sticky('10.1.0.1')])).toBe('drifted')
  })

  it('puts its table in place of one of another layout', async () => {
    await nft(`-f - <<'END'
table inet edgeway {
  map agent4 { type ipv4_addr . inet_service : ipv4_addr . inet_service; elements = { 10.96.0.9 . 80 : 10.0.0.1 . 1 } }
  chain of-an-older-version { type filter hook input priority 0; policy drop; }
}
END`)
    const backend = closed()

    await backend.apply([TO_AGENT])

    expect(await nft('list table inet edgeway')).not.toMatch(/10\.96\.0\.9|of-an-older-version/)
    expect(await backend.verify([TO_AGENT])).toBe('intact')
  })

  it('makes the table anew when what it finds can no longer be filled', async () => {
    const backend = closed()
    await backend.apply([TO_AGENT])
    await nft('flush table inet edgeway')
    await nft('delete set inet edgeway reject6')

    expect(await backend.verify([TO_AGENT])).toBe('drifted')
    await expect(backend.apply([TO_AGENT])).rejects.toThrow(/reject6/)
    await backend.apply([TO_AGENT])

    expect(await backend.verify([TO_AGENT])).toBe('intact')
  })

  it('forgets learnt endpoints that left, by an update or while no process ran, and no others', async () => {
    const learn = (client: string, endpoint: string): Promise<string> =>
      nft(
        `add element inet edgeway affinity4 '{ ${client} . 10.96.0.2 . 6 . 80 timeout 100s : ${endpoint} . 8080 }'`,
      )
    const backend = closed()
    const [all, some, one] = [
      sticky('10.1.0.1', '10.1.0.2', '10.1.0.3'),
      sticky('10.1.0.1', '10.1.0.2'),
      sticky('10.1.0.1'),
    ]
    await backend.apply([all])
    for (const i of [1, 2, 3]) await learn(`10.0.0.${i}`, `10.1.0.${i}`)

    await backend.update([{ previous: all, current: some }])
    expect(await learntClients()).toEqual(['10.0.0.1', '10.0.0.2'])
    expect(await backend.verify([some])).toBe('intact')

    await closed().apply([one])
    expect(await learntClients()).toEqual(['10.0.0.1'])

    await closed().apply([])
    expect(await learntClients()).toEqual([])
  })

  async function learntClients(): Promise<string[]> {
    const listed = await nft('-n list map inet edgeway affinity4')
    return [...listed.matchAll(/(10\.0\.0\.\d) \. /g)].map(([, client = '']) => client).toSorted()
  }

  it('does without what the kernel lacks, and says so', async () => {
    const lacking =
      (what: RegExp): RunCommand =>
      async (command, input = '') =>
        what.test(input) ? { code: 1, stdout: '', stderr: 'Error: not supported' } : run(command, input)
    const slotsWithout = async (what: RegExp): Promise<unknown> => {
      const probe = await new NftablesBackend({ groupId: 1, failMode: 'closed' }, lacking(what)).probe()
      return probe.usable ? probe.capabilities.maxSlots : probe.reason
    }

    expect(await slotsWithout(/jhash/)).toEqual({ random: 256, 'client-ip': 0, 'source-ip-hash': 0 })
    expect(await slotsWithout(/update @affinity/)).toEqual({
      random: 256,
      'client-ip': 0,
      'source-ip-hash': 400,
    })
    expect(await slotsWithout(/masquerade/)).toEqual({ random: 0, 'client-ip': 0, 'source-ip-hash': 0 })
    expect(await slotsWithout(/ip6/)).toEqual({ random: 256, 'client-ip': 256, 'source-ip-hash': 400 })
    expect(await slotsWithout(/dnat/)).toMatch(/not supported/)
  })
})
