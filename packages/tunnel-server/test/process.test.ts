import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parseJoinToken } from '@edgeway/tunnel'
import { expect, it } from 'vitest'
import { Operator } from './operator.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const DAY = 86_400
/** Each process compiles the whole program. */
const TIMEOUT_MS = 90_000

function start(operator: Operator, ...args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, [MAIN, ...args, '--config', operator.configFile])
}

it(
  'a command is a process that writes its result, and that alone, to standard output',
  async () => {
    await using operator = await Operator.atServer()
    const [made, wrong] = await Promise.allSettled([
      start(operator, 'token', 'create', '--node', 'edge-1'),
      start(operator, 'cluster-key', 'burn'),
    ])

    if (made.status === 'rejected') throw made.reason
    expect(made.value.stdout).toMatch(/^edgeway2\.\S+\n$/)
    expect(made.value.stderr).toContain(parseJoinToken(made.value.stdout.trim()).id)
    expect(wrong).toMatchObject({ status: 'rejected', reason: { code: 2, stdout: '' } })
  },
  TIMEOUT_MS,
)

it(
  'commands of two processes lose nothing of one another, nor of a server',
  async () => {
    await using operator = await Operator.atServer()
    const server = await operator.keys()
    const nodes = ['edge-1', 'edge-2']
    let running = true
    const commands = Promise.all(nodes.map((node) => start(operator, 'revoke', '--node', node))).finally(
      () => {
        running = false
      },
    )
    const spent = []
    while (running || spent.length === 0) {
      const token = server.createToken({ uses: 'single', validSeconds: DAY })
      expect(await server.spend(token, 'a peer')).toBe('spent')
      spent.push(token)
    }
    await commands

    const found = await operator.keys()
    for (const node of nodes) expect(found.trust.revocation('node', node), node).toBeDefined()
    for (const token of spent) expect(await found.spend(token, 'another')).toBe('taken')
  },
  TIMEOUT_MS,
)
