/** The images, with the settings of the manifests, in a container runtime: they carry calls across both NATs. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  endpointSliceObject,
  type LabHost,
  Mesh,
  type MeshProcess,
  namespaceObject,
  nodeObject,
  podmanCommand,
  serviceObject,
  startHttpEcho,
} from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const REPOSITORY = join(import.meta.dirname, '..')
const CACHE = join(REPOSITORY, '.cache/container')
const BASE = 'localhost/edgeway-base:bookworm'
const AGENT_IMAGE = 'localhost/edgeway/edge-agent:0.1.0'
const PACKAGES = 'nftables,iptables,ipset,conntrack,iproute2,ca-certificates'
const APPS = 'apps'
const PORT = 8080
const DEADLINE_MS = 60_000
/** CAP_NET_BIND_SERVICE, CAP_NET_ADMIN and CAP_SETGID, as bits of capabilities(7). */
const AGENT_CAPABILITIES = (1n << 10n) | (1n << 12n) | (1n << 6n)

async function run(file: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(file, args, { cwd: REPOSITORY, maxBuffer: 64 * 2 ** 20 })
  return stdout
}

/** Debian's root file system, made once, as the base of both images. */
async function ensureBase(): Promise<void> {
  const archive = join(CACHE, 'base.tar')
  await mkdir(CACHE, { recursive: true })
  if (!existsSync(archive)) {
    await run('mmdebstrap', '--variant=minbase', `--include=${PACKAGES}`, 'bookworm', `${archive}.new.tar`)
    await rename(`${archive}.new.tar`, archive)
  }
  const isThere = await run('podman', 'image', 'exists', BASE).then(
    () => true,
    () => false,
  )
  if (!isThere) await run('podman', 'import', '--quiet', archive, BASE)
}

/** A container that takes the place of a process of the mesh. */
class Container implements AsyncDisposable {
  readonly name: string
  readonly #child: ChildProcess

  private constructor(name: string, child: ChildProcess) {
    this.name = name
    this.#child = child
  }

  static async replace(process: MeshProcess): Promise<Container> {
    await process.stop()
    const { plan } = await process.prepare()
    const namespace = process.host.namespace.name
    const name = `${namespace}-${plan.image.replaceAll(/[^a-z]+/g, '-')}`
    const [file = '', ...args] = podmanCommand(plan, { name, namespace })
    const container = new Container(name, spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit'] }))
    await process.whenReady()
    return container
  }

  exec(...command: readonly string[]): Promise<string> {
    return run('podman', 'exec', this.name, ...command)
  }

  /** @returns its exit code */
  async stop(): Promise<unknown> {
    const ended = once(this.#child, 'exit')
    await run('podman', 'stop', '--time', '30', this.name)
    return (await ended)[0]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run('podman', 'rm', '--force', '--ignore', '--time', '5', this.name)
  }
}

async function answerOf(client: LabHost, url: string): Promise<string> {
  const deadline = Date.now() + DEADLINE_MS
  for (;;) {
    const { code, stdout } = await client.exec(['curl', '--silent', '--max-time', '5', url])
    if (code === 0) return (JSON.parse(stdout) as { readonly pod: string }).pod
    if (Date.now() > deadline) throw new Error(`${url}: curl ends with ${code}`)
  }
}

describe('the images, run with the settings of the manifests', () => {
  const running = new AsyncDisposableStack()
  let mesh: Mesh
  let agent: Container

  beforeAll(async () => {
    await ensureBase()
    await run(process.execPath, join(REPOSITORY, 'container/build.ts'), '--base', BASE)
    const site = (name: string, node: string, pods: readonly string[]) => ({
      name,
      nat: 'endpoint-independent' as const,
      subnet: '192.168.1.0/24',
      nodes: [{ name: node, pods: pods.map((pod) => ({ name: pod, namespace: APPS })) }],
    })
    mesh = running.use(
      await Mesh.start({
        topology: {
          cloud: [{ name: 'cloud', address: '45.80.0.10' }],
          sites: [site('a', 'edge-1', ['alpha']), site('b', 'edge-2', ['beta'])],
        },
      }),
    )
    await mesh.kubectl.apply(namespaceObject(APPS), ...['cloud', 'edge-1', 'edge-2'].map(nodeObject))
    for (const [name, node, clusterIp] of [
      ['alpha', 'edge-1', '10.96.0.41'],
      ['beta', 'edge-2', '10.96.0.42'],
    ] as const) {
      const service = { namespace: APPS, name, clusterIp, port: 80 }
      const pod = mesh.lab.pod(name)
      await mesh.kubectl.apply(
        serviceObject(service),
        endpointSliceObject(service, PORT, [{ ip: pod.address, node }]),
      )
      await startHttpEcho(pod, { port: PORT })
    }
    running.use(await Container.replace(mesh.server))
    agent = running.use(await Container.replace(mesh.agent('edge-1')))
  }, 600_000)
  afterAll(async () => {
    await running.disposeAsync()
  }, 120_000)

  it('carry calls by name across both NATs, both ways', async () => {
    expect(await answerOf(mesh.lab.pod('alpha'), 'http://beta.apps/')).toBe('beta')
    expect(await answerOf(mesh.lab.pod('beta'), 'http://alpha.apps/')).toBe('alpha')
  })

  it('have the rights and limits of the DaemonSet, and no others', async () => {
    const status = await agent.exec('cat', '/proc/1/status')
    const [, effective] = /^CapEff:\s+(\w+)$/m.exec(status) ?? []
    expect(BigInt(`0x${effective}`)).toBe(AGENT_CAPABILITIES)
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m)
    await expect(agent.exec('touch', '/file')).rejects.toThrow('Read-only file system')
    const limit = await run('podman', 'inspect', '--format', '{{.HostConfig.Memory}}', agent.name)
    expect(Number(limit)).toBe(512 * 2 ** 20)
  })

  it.each([
    ['nft', '--version'],
    ['iptables-nft', '--version'],
    ['iptables-legacy', '--version'],
    ['ipset', 'help'],
    ['conntrack', '--version'],
    ['ip', '-Version'],
  ])('of the agent has %s', async (...command) => {
    const output = await run(
      'podman',
      '--runtime',
      'runc',
      '--cgroup-manager=cgroupfs',
      'run',
      '--rm',
      '--network=none',
      '--ulimit=nofile=1024:1024',
      '--ulimit=nproc=1024:1024',
      '--entrypoint',
      '["/usr/bin/env"]',
      AGENT_IMAGE,
      ...command,
    )
    expect(output).toMatch(/\d+\.\d+|iproute2/)
  })

  it('stops cleanly: exit code 0, and no rule is left', async () => {
    expect(await agent.stop()).toBe(0)
    const { stdout } = await mesh.lab.node('edge-1').exec(['nft', 'list', 'tables'])
    expect(stdout).not.toContain('edgeway')
  })
})
