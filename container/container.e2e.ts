/** The images, with the settings of the manifests, in a container runtime: they carry calls across both NATs. */
import { join } from 'node:path'
import {
  endpointSliceObject,
  type LabHost,
  Mesh,
  namespaceObject,
  nodeObject,
  podmanOnceCommand,
  serviceObject,
  startDnsUpstream,
  startHttpEcho,
  type Topology,
} from '@edgeway/testbed'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { BASE_IMAGE, ensureBaseImage, run } from './base-image.ts'
import { Container } from './container.ts'
import { REPOSITORY } from './steps.ts'

const IMAGES = ['edge-agent', 'tunnel-server'].map((program) => imageOf(program))
const APPS = 'apps'
const PORT = 8080
const ALPHA = { namespace: APPS, name: 'alpha', clusterIp: '10.96.0.41', port: 80 }
const BETA = { namespace: APPS, name: 'beta', clusterIp: '10.96.0.42', port: 80 }
const RESOLVER = 'resolver'
const INTERNET = { 'www.example.com': ['45.80.0.80'] }
const DEADLINE_MS = 60_000
const MIB = 2 ** 20
/** Numbers of capabilities(7). */
const CAPABILITIES: Readonly<Record<string, bigint>> = {
  SETGID: 6n,
  NET_BIND_SERVICE: 10n,
  NET_ADMIN: 12n,
  NET_RAW: 13n,
}

const TOPOLOGY: Topology = {
  cloud: [
    { name: 'cloud', address: '45.80.0.10' },
    { name: RESOLVER, address: '45.80.0.53' },
  ],
  sites: [site('a', 'edge-1', 'alpha'), site('b', 'edge-2', 'beta')],
}

function site(name: string, node: string, pod: string): NonNullable<Topology['sites']>[number] {
  return {
    name,
    nat: 'endpoint-independent',
    subnet: '192.168.1.0/24',
    nodes: [{ name: node, pods: [{ name: pod, namespace: APPS }] }],
  }
}

function imageOf(program: string): string {
  return `localhost/edgeway/${program}:${manifest.version}`
}

/** The mesh as processes, with a Service in each site. */
async function startMesh(): Promise<Mesh> {
  const mesh = await Mesh.start({ topology: TOPOLOGY, bystanders: [RESOLVER] })
  try {
    await startDnsUpstream(mesh.lab.node(RESOLVER), INTERNET)
    await mesh.kubectl.apply(namespaceObject(APPS), ...['cloud', 'edge-1', 'edge-2'].map(nodeObject))
    for (const service of [ALPHA, BETA]) {
      const pod = mesh.lab.pod(service.name)
      const endpoint = { ip: pod.address, node: pod.node.name }
      await mesh.kubectl.apply(serviceObject(service), endpointSliceObject(service, PORT, [endpoint]))
      await startHttpEcho(pod, { port: PORT })
    }
    return mesh
  } catch (error) {
    await mesh[Symbol.asyncDispose]()
    throw error
  }
}

/** Builds both images, and removes those that bore their names before, unless somebody still uses them. */
async function buildImages(): Promise<void> {
  const before = await imageIds()
  await run([process.execPath, join(REPOSITORY, 'container/build.ts'), '--base', BASE_IMAGE])
  const now = await imageIds()
  for (const id of before.filter((known) => !now.includes(known)))
    await run(['podman', 'rmi', id]).catch(() => {
      // It has another name or a container, so it is not ours to remove.
    })
}

async function imageIds(): Promise<readonly string[]> {
  const format = '{{.Repository}}:{{.Tag}} {{.Id}}'
  const lines = (await run(['podman', 'images', '--no-trunc', '--format', format])).split('\n')
  return lines
    .filter((line) => IMAGES.includes(line.split(' ')[0] ?? ''))
    .map((line) => line.split(' ')[1] ?? '')
}

/** Calls until somebody answers: after a restart, nodes take a moment to find one another again. */
async function answerOf(client: LabHost, url: string): Promise<string> {
  const deadline = Date.now() + DEADLINE_MS
  for (;;) {
    const { code, stdout } = await client.exec(['curl', '--silent', '--max-time', '5', url])
    if (code === 0) return (JSON.parse(stdout) as { readonly pod: string }).pod
    if (Date.now() > deadline) throw new Error(`${url}: curl ends with ${code}`)
  }
}

/** A field of a container's first process, as proc(5) has it. */
async function statusOf(container: Container, field: string): Promise<string> {
  const status = await container.exec('cat', '/proc/1/status')
  return new RegExp(`^${field}:\\s+(.*)$`, 'm').exec(status)?.[1] ?? ''
}

/** What it may ever have of capabilities, now and by any program it starts. */
async function capabilitiesOf(container: Container): Promise<readonly bigint[]> {
  const sets = ['CapPrm', 'CapEff', 'CapBnd']
  return Promise.all(sets.map(async (set) => BigInt(`0x${await statusOf(container, set)}`)))
}

/** What the kernel enforces, in bytes. */
async function memoryLimitOf(container: Container): Promise<number> {
  // One file per version of cgroups; the other is not there.
  const files = '/sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes'
  const script = `for file in ${files}; do if [ -e $file ]; then cat $file; fi; done`
  return Number(await container.exec('sh', '-c', script))
}

describe('the images, run with the settings of the manifests', () => {
  const running = new AsyncDisposableStack()
  let mesh: Mesh
  let server: Container
  let agent: Container

  beforeAll(async () => {
    await ensureBaseImage()
    await buildImages()
    mesh = running.use(await startMesh())
    server = running.use(await Container.replace(mesh.server))
    agent = running.use(await Container.replace(mesh.agent('edge-1')))
  }, 600_000)
  afterAll(async () => {
    await running.disposeAsync()
  }, 120_000)

  it.each([
    { from: 'alpha', to: 'beta', node: 'edge-1' },
    { from: 'beta', to: 'alpha', node: 'edge-2' },
  ])('carry a call by name from $from to $to, across both NATs', async ({ from, to, node }) => {
    const { log } = mesh.agent(node)
    const mark = await log.mark()

    expect(await answerOf(mesh.lab.pod(from), `http://${to}.apps/`)).toBe(to)
    const flow = await log.waitFor((entry) => entry['service'] === `apps/${to}:main`, { mark })
    expect(flow).toMatchObject({ message: 'flow ended', direction: 'outbound' })
    // The first call goes by the relay, later ones through the hole that is punched meanwhile.
    expect(['relayed', 'punched']).toContain(flow['path'])
  })

  it('answer DNS: for Services themselves, for the rest by the resolvers of the node', async () => {
    const pod = mesh.lab.pod('alpha')
    for (const transport of ['+notcp', '+tcp']) {
      const dig = async (...query: readonly string[]) => (await pod.exec(['dig', transport, ...query])).stdout
      expect(await dig('+short', 'beta.apps.svc.cluster.local')).toBe(`${BETA.clusterIp}\n`)
      expect(await dig('nobody.apps.svc.cluster.local')).toContain('status: NXDOMAIN')
      expect(await dig('+short', 'www.example.com')).toBe('45.80.0.80\n')
    }
  })

  it('leave the agent exactly the capabilities of the DaemonSet', async () => {
    const { spec } = (await mesh.kubectl.get('daemonset', 'edgeway', 'edgeway-agent')) as unknown as {
      readonly spec: { readonly template: { readonly spec: PodOfOne } }
    }
    const [{ securityContext }] = spec.template.spec.containers
    const mask = securityContext.capabilities.add.reduce(
      (bits, name) => bits | (1n << (CAPABILITIES[name] ?? expect.fail(`unknown to the test: ${name}`))),
      0n,
    )

    expect(mask).toBeGreaterThan(0n)
    expect(await capabilitiesOf(agent)).toEqual([mask, mask, mask])
  })

  it('leave the tunnel server no capability and no right of root', async () => {
    expect(await capabilitiesOf(server)).toEqual([0n, 0n, 0n])
    for (const ids of ['Uid', 'Gid']) expect(await statusOf(server, ids)).toBe('65532\t65532\t65532\t65532')
  })

  it('have the limits of the manifests: memory, new privileges, read-only root', async () => {
    expect(await memoryLimitOf(agent)).toBe(512 * MIB)
    expect(await memoryLimitOf(server)).toBe(1024 * MIB)
    for (const container of [agent, server]) {
      expect(await statusOf(container, 'NoNewPrivs')).toBe('1')
      for (const file of ['/file', '/tmp/file', '/opt/edgeway/file'])
        await expect(container.exec('touch', file)).rejects.toThrow('Read-only file system')
    }
  })

  it.each([
    ['nft', 'add', 'table', 'inet', 'one'],
    ['iptables-nft', '--table', 'nat', '--append', 'PREROUTING', '--jump', 'RETURN'],
    // No more than that: kernels may be without its tables.
    ['iptables-legacy', '--version'],
    ['ipset', 'create', 'one', 'hash:ip'],
    ['conntrack', '--count'],
    ['ip', 'link', 'add', 'one', 'type', 'bridge'],
  ])('bring the agent a working %s', async (...command) => {
    const once = { image: imageOf('edge-agent'), command, capabilities: ['NET_ADMIN'] }
    await run(podmanOnceCommand(once))
  })

  it('end cleanly by SIGTERM: rules and device of the agent are gone, and both containers', async () => {
    const node = mesh.lab.node('edge-1')
    const traces = async (): Promise<string> => {
      const [rules, links] = await Promise.all([
        node.exec(['nft', 'list', 'tables']),
        node.exec(['ip', 'link']),
      ])
      return [...`${rules.stdout}${links.stdout}`.matchAll(/edgeway\w*/g)].join(' ')
    }

    expect(await traces()).toBe('edgeway edgeway0')
    expect(await agent.stop()).toBe(0)
    expect(await traces()).toBe('')
    expect(await server.stop()).toBe(0)
    expect(await Promise.all([agent.exists(), server.exists()])).toEqual([false, false])
  })
})

/** The part of a pod template that the test reads by itself. */
interface PodOfOne {
  readonly containers: readonly [
    { readonly securityContext: { readonly capabilities: { readonly add: readonly string[] } } },
  ]
}
