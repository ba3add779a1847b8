import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import { cleanLabs, Lab, LabError, listLabs, NetworkNamespace, uniqueLabId } from '../src/index.ts'

interface OwnedLab extends AsyncDisposable {
  readonly owner: ChildProcess
  readonly id: string
  readonly pids: readonly number[]
}

/** For what others on a loaded machine may delay. */
const DEADLINE = { timeout: 20_000, interval: 1 }
const NOTHING = { namespaces: [], etc: [], record: false, processes: [] }

async function ownedLab(mode = 'run'): Promise<OwnedLab> {
  const script = fileURLToPath(new URL('./lab-owner.ts', import.meta.url))
  const owner = spawn(process.execPath, [script, mode], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(createInterface({ input: owner.stdout }), 'line')
  return {
    owner,
    ...JSON.parse(line),
    [Symbol.asyncDispose]: async () => {
      if (owner.exitCode === null && owner.signalCode === null) await end(owner, 'SIGTERM')
    },
  }
}

function isRunning(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    // No such process.
    return false
  }
}

function namesIn(folder: string, prefix: string): string[] {
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith(prefix)) : []
}

function remainsOf({ id, pids }: Pick<OwnedLab, 'id' | 'pids'>): object {
  return {
    namespaces: namesIn('/run/netns', `ew${id}-`),
    etc: namesIn('/etc/netns', `ew${id}-`),
    record: existsSync(`/run/edgeway-lab/${id}`),
    processes: pids.filter(isRunning),
  }
}

async function end(owner: ChildProcess, signal: NodeJS.Signals): Promise<unknown> {
  const ended = once(owner, 'exit')
  owner.kill(signal)
  const [code] = await ended
  return code
}

describe('the end of a lab', () => {
  it('leaves nothing when it is disposed, twice even', async () => {
    const lab = await Lab.create({ cloud: [{ name: 'cloud', pods: [{ name: 'pod' }] }] })
    const stubborn = lab.pod('pod').spawn(['sh', '-c', 'trap "" TERM; echo up; while :; do sleep 1; done'])
    await stubborn.waitForOutput(/up/)
    await lab[Symbol.asyncDispose]()
    await lab[Symbol.asyncDispose]()
    expect(remainsOf({ id: lab.id, pids: [stubborn.pid] })).toEqual(NOTHING)
    expect(await stubborn.exited).toEqual({ code: null, signal: 'SIGKILL' })
  })

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('leaves nothing when %s ends its owner, which exits with %i', async (signal, code) => {
    await using lab = await ownedLab()
    expect(lab.pids.filter(isRunning)).toEqual(lab.pids)
    expect(await end(lab.owner, signal)).toBe(code)
    expect(remainsOf(lab)).toEqual(NOTHING)
  })

  it('leaves nothing when SIGINT ends its owner in the middle of building it', async () => {
    await using lab = await ownedLab('building')
    await expect.poll(() => namesIn('/run/netns', `ew${lab.id}-`), DEADLINE).not.toEqual([])
    expect(await end(lab.owner, 'SIGINT')).toBe(130)
    expect(remainsOf(lab)).toEqual(NOTHING)
  })

  it('leaves what can be cleaned at once when its owner is killed in the middle of building it', async () => {
    await using lab = await ownedLab('building')
    await expect.poll(() => namesIn('/run/netns', `ew${lab.id}-`), DEADLINE).not.toEqual([])
    await end(lab.owner, 'SIGKILL')
    if (listLabs().some(({ id }) => id === lab.id)) cleanLabs([lab.id])
    expect(remainsOf(lab)).toEqual(NOTHING)
  })

  it('is left to an owner that handles SIGINT itself', async () => {
    await using lab = await ownedLab('graceful')
    expect(await end(lab.owner, 'SIGINT')).toBe(7)
    expect(remainsOf(lab)).toEqual(NOTHING)
  })

  it('leaves what `clean` removes when its owner is killed with SIGKILL', async () => {
    await using lab = await ownedLab()
    await end(lab.owner, 'SIGKILL')
    // A test that runs beside this one may have swept it already; what matters is what is left.
    if (listLabs().some(({ id }) => id === lab.id)) cleanLabs([lab.id])
    expect(remainsOf(lab)).toEqual(NOTHING)
  })

  it('is what the next lab begins with when its owner was killed with SIGKILL', async () => {
    await using orphan = await ownedLab()
    await end(orphan.owner, 'SIGKILL')
    await using _next = await Lab.create({})
    expect(remainsOf(orphan)).toEqual(NOTHING)
  })

  it('leaves nothing when the kernel refuses in the middle', async () => {
    // The route to the site exists already on the cloud node: it is that of its pods.
    const subnet = '172.20.0.0/24'
    const site = { name: 'office', nat: 'none', subnet, nodes: [] } as const
    const cloud = [{ name: 'refused-lab', podSubnet: subnet }]
    await expect(Lab.create({ cloud, sites: [site] })).rejects.toThrow(LabError)
    expect(listLabs().filter(({ ownerPid }) => ownerPid === process.pid)).toEqual([])
    for (const folder of ['/run/netns', '/etc/netns'])
      expect(namesIn(folder, 'ew').filter((name) => name.endsWith('-refused-lab'))).toEqual([])
  })
})

describe('a kept lab', () => {
  it('outlives its owner and the next lab, with its processes, until it is cleaned by name', async () => {
    await using lab = await ownedLab('keep')
    await once(lab.owner, 'exit')
    await using _next = await Lab.create({})
    expect(lab.pids.filter(isRunning)).toEqual(lab.pids)
    expect(listLabs().find(({ id }) => id === lab.id)).toMatchObject({ state: 'kept' })
    expect(cleanLabs([lab.id])).toEqual([lab.id])
    expect(remainsOf(lab)).toEqual(NOTHING)
  })

  it('is not touched by disposal', async () => {
    const lab = await Lab.create({})
    lab.keep()
    await lab[Symbol.asyncDispose]()
    expect(listLabs().map(({ id }) => id)).toContain(lab.id)
    cleanLabs([lab.id])
  })
})

describe('cleaning', () => {
  it('goes on, and so does a new lab, when one orphan can’t be removed: that stays on record', async () => {
    const folder = `/run/edgeway-lab/${uniqueLabId()}`
    const stuck = { id: basename(folder), createdAt: '', kept: false, namespaces: [`${basename(folder)}/x`] }
    await using orphan = await ownedLab('keep')
    await once(orphan.owner, 'exit')
    mkdirSync(folder)
    mkdirSync(`/run/netns/${basename(folder)}`)
    writeFileSync(`/run/netns/${basename(folder)}/x`, '')
    writeFileSync(
      `${folder}/record.json`,
      JSON.stringify({ ...stuck, owner: { pid: 2 ** 22 + 1, startTime: 1 } }),
    )
    try {
      await using _next = await Lab.create({})
      expect(() => cleanLabs([stuck.id, orphan.id])).toThrow(stuck.id)
      expect(remainsOf(orphan)).toEqual(NOTHING)
      expect(listLabs().map(({ id }) => id)).toContain(stuck.id)
    } finally {
      for (const path of [folder, `/run/netns/${basename(folder)}`]) rmSync(path, { recursive: true })
    }
  })

  it('says which labs do not exist', () => {
    expect(() => cleanLabs(['nosuch'])).toThrow('no lab nosuch')
  })

  it('lists a lab as running while its owner lives, and another lab leaves it alone', async () => {
    await using lab = await ownedLab()
    await using _next = await Lab.create({})
    expect(listLabs().find(({ id }) => id === lab.id)).toMatchObject({ state: 'running' })
    expect(lab.pids.filter(isRunning)).toEqual(lab.pids)
  })
})

describe('NetworkNamespace', () => {
  it('runs commands with their input, output, code and own resolv.conf, and leaves nothing', async () => {
    const name = `ew${uniqueLabId()}`
    const namespace = await NetworkNamespace.create(name)
    await namespace.setResolvConf('nameserver 192.0.2.1\n')
    const result = await namespace.exec(['sh', '-c', 'cat; cat /etc/resolv.conf; echo sorry >&2; exit 3'], {
      input: 'hello\n',
    })
    expect(result).toEqual({ code: 3, stdout: 'hello\nnameserver 192.0.2.1\n', stderr: 'sorry\n' })

    const started = namespace.spawn(['sh', '-c', 'echo up; exec sleep 1000'])
    await started.waitForOutput(/up/)
    await namespace[Symbol.asyncDispose]()
    expect(await started.exited).toEqual({ code: null, signal: 'SIGTERM' })
    expect([namesIn('/run/netns', name), namesIn('/etc/netns', name)]).toEqual([[], []])
    expect(existsSync(`/run/edgeway-lab/${name}`)).toBe(false)
  })

  it('does not take a namespace that somebody else has made', async () => {
    await using taken = await NetworkNamespace.create(`ew${uniqueLabId()}`)
    await expect(NetworkNamespace.create(taken.name)).rejects.toThrow('exists already')
    expect((await taken.exec(['true'])).code).toBe(0)
  })

  it('rejects when a command does not end in time, and ends what the command started', async () => {
    await using namespace = await NetworkNamespace.create(`ew${uniqueLabId()}`)
    const slow = namespace.exec(['sh', '-c', 'echo so far; sleep 1000 & wait'], { timeoutMs: 200 })
    await expect(slow).rejects.toThrow('did not end within 200 ms: so far')
    expect((await namespace.exec(['ip', 'netns', 'pids', namespace.name])).stdout).not.toMatch(/\d+\n\d+\n/)
  })

  it('rejects in time when something that left the command’s group keeps its output open', async () => {
    await using namespace = await NetworkNamespace.create(`ew${uniqueLabId()}`)
    const detached = namespace.exec(['sh', '-c', 'setsid sleep 1000 & sleep 1000'], { timeoutMs: 200 })
    await expect(detached).rejects.toThrow('did not end within 200 ms')
  })

  it('ends a process together with what it started, even if that does not listen', async () => {
    await using namespace = await NetworkNamespace.create(`ew${uniqueLabId()}`)
    const script = `sh -c 'trap "" TERM; echo $$; while :; do sleep 1; done' & trap 'exit 0' TERM; wait`
    const parent = namespace.spawn(['sh', '-c', script])
    const [child] = await parent.waitForOutput(/^\d+$/m)
    await parent[Symbol.asyncDispose]()
    await expect.poll(() => isRunning(Number(child)), DEADLINE).toBe(false)
  })

  it('can be many at a time without a warning of leaked listeners', async () => {
    const warnings: Error[] = []
    const warn = (warning: Error): void => void warnings.push(warning)
    process.on('warning', warn)
    await using stack = new AsyncDisposableStack()
    for (let count = 0; count < 15; count++) stack.use(await NetworkNamespace.create(`ew${uniqueLabId()}`))
    // Warnings are told in a later tick.
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', warn)
    expect(warnings).toEqual([])
  })

  it('hides the proxies of the machine, which are out of reach from inside', async () => {
    await using namespace = await NetworkNamespace.create(`ew${uniqueLabId()}`)
    vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:3128')
    vi.stubEnv('http_proxy', 'http://127.0.0.1:3128')
    const { stdout } = await namespace.exec(['env'])
    const started = namespace.spawn(['sh', '-c', 'env; echo end'])
    await started.waitForOutput(/^end$/m)
    vi.unstubAllEnvs()
    expect(`${stdout}${await started.output()}`).not.toMatch(/^(https?|ftp|all)_proxy=/im)
  })
})
