import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { cleanLabs, listLabs } from '@edgeway/testbed'
import { expect, it } from 'vitest'

const DEMO = fileURLToPath(new URL('../../demo/main.ts', import.meta.url))
const LAB_SCRIPT = fileURLToPath(new URL('../../scripts/lab.ts', import.meta.url))

/** What each command prints that a kept lab can be explored with, in their order. */
const EXPLORATION = [
  /"pod":"web"/,
  /10\.96\.0\.12\n/,
  /^table inet edgeway/,
  /^edgeway_traffic_flows_total/m,
  /^ready$/m,
  /^shop +service\/web +ClusterIP/m,
  /"message":/,
  /"message":/,
]

interface Ended {
  readonly code: unknown
  readonly stdout: string
  readonly stderr: string
}

function start(command: readonly string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const [file = '', ...args] = command
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const output = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { child, ended: output.then(([stdout, stderr, [code]]) => ({ code, stdout, stderr })) }
}

function namespacesOf(labId: string): string[] {
  return existsSync('/run/netns')
    ? readdirSync('/run/netns').filter((name) => name.startsWith(`ew${labId}-`))
    : []
}

it('the demo makes every call as expected, says so in JSON, and leaves nothing behind', async () => {
  const { child, ended } = start([process.execPath, DEMO, '--json'])
  const { code, stdout, stderr } = await ended
  const lines = stdout.trimEnd().split('\n')
  const result = JSON.parse(lines.at(-1) ?? '')

  expect(result, stderr).toMatchObject({ ok: true })
  expect(code).toBe(0)
  expect(
    result.calls.map((call: { path: unknown; expected: unknown }) => [call.path, call.expected]),
  ).toEqual([
    ['local', 'answer'],
    ['relayed', 'answer'],
    ['relayed', 'answer'],
    ['relayed', 'answer'],
    [expect.stringMatching(/^(relayed|direct)$/), 'answer'],
    ['direct', 'answer'],
    ['direct', 'answer'],
    [null, 'nxdomain'],
    [null, 'refused'],
  ])
  for (const call of result.calls)
    expect(call).toEqual({
      name: expect.any(String),
      from: expect.any(String),
      to: expect.any(String),
      path: call.path,
      expected: call.expected,
      ok: true,
      ms: expect.any(Number),
    })
  expect(lines.slice(0, -1).filter((line) => line.length > 80)).toEqual([])
  expect(listLabs().filter(({ ownerPid }) => ownerPid === child.pid)).toEqual([])
})

it('the demo keeps its lab where asked to, and each command that it prints works there', async () => {
  const { child, ended } = start([process.execPath, DEMO, '--keep'])
  const { stdout, stderr } = await ended
  const lab = listLabs().find(({ ownerPid, state }) => ownerPid === child.pid && state === 'kept')
  if (lab === undefined) throw new Error(`no lab is kept: ${stderr}`)
  try {
    const commands = [...stdout.matchAll(/^ {2}((ip|tail|npm) .*)$/gm)].map(([, command = '']) => command)
    expect(commands.length).toBe(EXPLORATION.length + 1)
    for (const [index, sign] of EXPLORATION.entries()) {
      // Following a file has no end.
      const command = commands[index]?.replace('tail -f', 'tail') ?? ''
      const { code, stdout: answer } = await start(['sh', '-c', command]).ended
      expect(answer, command).toMatch(sign)
      expect(code, command).toBe(0)
    }
    expect(commands.at(-1)).toBe(`npm run lab -- clean ${lab.id}`)
    // What the script of that name runs after its set-up.
    expect((await start([process.execPath, LAB_SCRIPT, 'clean', lab.id]).ended).code).toBe(0)
    expect(namespacesOf(lab.id)).toEqual([])
  } finally {
    if (listLabs().some(({ id }) => id === lab.id)) cleanLabs([lab.id])
  }
})

it.each(['building the network', 'starting the agents', 'calling'])(
  'the demo leaves nothing behind when SIGINT ends it while it is "%s"',
  async (step) => {
    const { child, ended } = start([process.execPath, DEMO])
    let output = ''
    await new Promise<void>((resolve) => {
      child.stdout?.on('data', (chunk: Buffer) => {
        output += chunk
        if (output.includes(step)) resolve()
      })
      child.once('exit', () => resolve())
    })
    // The first step is named just before the lab is on record.
    const ownLab = () => listLabs().find(({ ownerPid }) => ownerPid === child.pid)
    await expect.poll(ownLab, { timeout: 20_000, interval: 1 }).toBeDefined()
    const { id = '' } = ownLab() ?? {}
    child.kill('SIGINT')

    expect((await ended).code).toBe(130)
    expect(listLabs().map((lab) => lab.id)).not.toContain(id)
    expect(namespacesOf(id)).toEqual([])
  },
)

it('the demo names an argument that it does not know', async () => {
  const { code, stderr } = await start([process.execPath, DEMO, '--quick']).ended

  expect(stderr).toContain('--quick')
  expect(code).toBe(1)
})
