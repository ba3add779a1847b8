import { MemoryLogger } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { CommandError } from '../errors.ts'
import type { Rule } from '../model/rule.ts'
import { StaleFlows } from './stale-flows.ts'

function rule(protocol: 'TCP' | 'UDP', port: number): Rule {
  const match = { kind: 'address', ip: '10.96.0.1', protocol, port } as const
  return { mode: 'AGENT', match, listener: { ip: '169.254.96.16', port: 15001 } }
}

describe('StaleFlows', () => {
  it('runs nothing when no flow can be stale', async () => {
    const flows = new StaleFlows({
      logger: new MemoryLogger(),
      run: async () => expect.fail('a command was run'),
    })

    expect(await flows.sweep([])).toBe(0)
    expect(await flows.sweep([{ previous: rule('TCP', 80), current: rule('TCP', 80) }])).toBe(0)
  })

  it('asks only for the flows that a change concerns', async () => {
    const commands: string[] = []
    const run = async (command: readonly string[]) => {
      commands.push(command.join(' '))
      return { code: 0, stdout: '', stderr: '' }
    }
    const flows = new StaleFlows({ logger: new MemoryLogger(), run })

    await flows.sweepAll([rule('TCP', 80), rule('UDP', 53), rule('UDP', 54)])
    expect(commands).toEqual(['conntrack -L -p tcp -f ipv4 --state SYN_SENT', 'conntrack -L -p udp -f ipv4'])
  })

  it('says once what is missing, and works again when it is there', async () => {
    const logger = new MemoryLogger()
    let isInstalled = false
    const flows = new StaleFlows({
      logger,
      run: async (command) => {
        if (!isInstalled) throw new CommandError(command, { reason: "can't be started" })
        return { code: 0, stdout: '', stderr: '' }
      },
    })
    const isMissing = () => flows.sweepAll([rule('UDP', 53)])

    expect([await isMissing(), await isMissing()]).toEqual([0, 0])
    expect(logger.lines).toMatchObject([{ level: 'warn' }])
    isInstalled = true
    await isMissing()
    isInstalled = false
    await isMissing()
    expect(logger.lines).toHaveLength(2)
  })
})
