import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type CommandResult,
  Lab,
  LabError,
  type LabHost,
  missingLabRequirements,
  startDnsUpstream,
  startHttpEcho,
  startTcpEcho,
} from '../src/index.ts'

const PORT = 8080
/** What curl exits with, see curl(1). */
const OK = 0
const REFUSED = 7
const TIMED_OUT = 28

const LAN = '192.168.1.0/24'
const PODS = '10.1.0.0/24'

interface Identity {
  readonly pod: string
  readonly node: string
  readonly client: string
}

async function curl(from: LabHost, url: string, ...options: string[]): Promise<CommandResult> {
  return from.exec(['curl', '-s', '--noproxy', '*', '--connect-timeout', '10', ...options, url])
}

/** True when not even a refusal comes back. */
async function isSilent(from: LabHost, url: string): Promise<boolean> {
  return (await curl(from, url, '--connect-timeout', '1')).code === TIMED_OUT
}

async function ask(from: LabHost, address: string, ...options: string[]): Promise<Identity> {
  const { code, stdout } = await curl(from, `http://${address}:${PORT}/`, ...options)
  expect(code).toBe(OK)
  return JSON.parse(stdout)
}

describe('a lab of two sites with equal subnets and a routed one', () => {
  let lab: Lab
  let cloud: LabHost
  let cloud2: LabHost

  beforeAll(async () => {
    const pods = (site: string) => [{ name: `${site}-a`, namespace: 'shop' }, { name: `${site}-b` }]
    lab = await Lab.create({
      cloud: [{ name: 'cloud-1', pods: [{ name: 'cloud-a' }] }, { name: 'cloud-2' }],
      sites: [
        {
          name: 'home',
          nat: 'endpoint-independent',
          subnet: LAN,
          nameserver: '9.9.9.9',
          nodes: [{ name: 'edge-1', podSubnet: PODS, pods: pods('home') }, { name: 'edge-3' }],
        },
        {
          name: 'plant',
          nat: 'symmetric',
          subnet: LAN,
          nodes: [{ name: 'edge-2', podSubnet: PODS, pods: pods('plant') }],
        },
        { name: 'office', nat: 'none', subnet: '172.20.0.0/24', nodes: [{ name: 'desk' }] },
      ],
    })
    cloud = lab.node('cloud-1')
    cloud2 = lab.node('cloud-2')
    const servers = ['cloud-1', 'cloud-2', 'edge-1', 'edge-2', 'desk'].map((name) => lab.node(name))
    const all = [...servers, lab.pod('home-b'), lab.pod('plant-b')]
    await Promise.all(all.map((host) => startHttpEcho(host, { port: PORT })))
  })

  afterAll(() => lab[Symbol.asyncDispose]())

  it('shows the cloud calls of a site as coming from the site’s public address', async () => {
    expect((await ask(lab.node('edge-1'), cloud.address)).client).toMatch(/^45\.80\.0\.101:/)
    expect((await ask(lab.node('edge-2'), cloud.address)).client).toMatch(/^45\.80\.0\.102:/)
    expect((await ask(lab.pod('plant-a'), cloud.address)).client).toMatch(/^45\.80\.0\.102:/)
  })

  it('shows the calls of a pod to other hosts as coming from its node', async () => {
    const { client } = await ask(lab.pod('cloud-a'), cloud2.address)
    expect(client).toMatch(new RegExp(`^${cloud.address}:`))
  })

  it('keeps equal addresses at two sites apart', async () => {
    expect(lab.node('edge-1').address).toBe(lab.node('edge-2').address)
    expect((await ask(lab.router('home'), lab.node('edge-1').address)).node).toBe('edge-1')
    expect((await ask(lab.router('plant'), lab.node('edge-2').address)).node).toBe('edge-2')

    expect(lab.pod('home-b').address).toBe(lab.pod('plant-b').address)
    expect((await ask(lab.pod('home-a'), lab.pod('home-b').address)).pod).toBe('home-b')
    expect((await ask(lab.pod('plant-a'), lab.pod('plant-b').address)).pod).toBe('plant-b')
  })

  it.each(['home', 'plant'])(
    'drops what nobody at site %s has asked for, at the router and behind it',
    async (site) => {
      const { address } = lab.router(site)
      expect(await isSilent(cloud, `http://${address}:${PORT}/`)).toBe(true)
      await cloud2.exec(['ip', 'route', 'replace', LAN, 'via', address])
      expect(await isSilent(cloud2, `http://${lab.node('edge-1').address}:${PORT}/`)).toBe(true)
    },
  )

  it('routes to a site without NAT, also from another site', async () => {
    const desk = lab.node('desk')
    expect((await ask(cloud, desk.address)).client).toMatch(new RegExp(`^${cloud.address}:`))
    expect((await ask(lab.node('edge-1'), desk.address)).node).toBe('desk')
    expect((await ask(desk, cloud.address)).client).toMatch(new RegExp(`^${desk.address}:`))
    expect((await curl(cloud, `http://${desk.address}:1/`)).code).toBe(REFUSED)
  })

  it('maps a local port to one public port behind an endpoint-independent NAT', async () => {
    expect(await publicPorts(lab.node('edge-1'))).toEqual(new Set(['45.80.0.101:40000']))
  })

  it('maps a local port to another public port for each destination behind a symmetric NAT', async () => {
    const ports = await publicPorts(lab.node('edge-2'))
    // Random: by chance two of a few may be equal, hardly all of them.
    expect(ports.size).toBeGreaterThan(1)
    expect(ports).not.toContain('45.80.0.102:40000')
  })

  /** What three public listeners see of one local port. */
  async function publicPorts(from: LabHost): Promise<Set<string>> {
    const script = `
      const { request } = require('node:http')
      for (const host of process.argv.slice(1))
        request({ host, port: ${PORT}, localPort: 40000 }, (response) => response.pipe(process.stdout)).end()`
    const addresses = [cloud, cloud2, lab.node('desk')].map(({ address }) => address)
    const { stdout } = await from.exec([process.execPath, '-e', script, ...addresses])
    const answers: Identity[] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(answers.map(({ node }) => node).sort()).toEqual(['cloud-1', 'cloud-2', 'desk'])
    return new Set(answers.map(({ client }) => client))
  }

  it('gives each pod its own devices and the resolv.conf of its Kubernetes namespace', async () => {
    const { stdout } = await lab.pod('home-a').exec(['sh', '-c', 'cat /etc/resolv.conf; ls /sys/class/net'])
    expect(stdout).toBe(
      'nameserver 169.254.96.16\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n' +
        'eth0\nlo\n',
    )
  })

  it('gives nodes the nameserver of their site, or that of the public segment', async () => {
    const [edge, other] = [lab.node('edge-1'), lab.node('edge-2')]
    expect((await edge.exec(['cat', '/etc/resolv.conf'])).stdout).toBe('nameserver 9.9.9.9\n')
    expect((await other.exec(['cat', '/etc/resolv.conf'])).stdout).toBe('nameserver 45.80.0.53\n')
  })

  it('loses everything in silence while a link is down, and nothing after', async () => {
    const edge = lab.node('edge-1')
    await lab.setLink(edge, 'down')
    expect(await isSilent(edge, `http://${cloud.address}:${PORT}/`)).toBe(true)
    expect((await edge.exec(['cat', '/sys/class/net/eth0/carrier'])).stdout).toBe('1\n')
    await lab.setLink(edge, 'up')
    expect((await ask(edge, cloud.address)).node).toBe('cloud-1')
  })

  it('limits what a host sends and receives', async () => {
    const edge = lab.node('edge-1')
    const bitsPerSecond = 8_000_000
    const bytes = 500_000
    // A lower bound, which no load of the machine can break: at the limit, less what may pass at once.
    const leastMs = (bytes * 8_000) / bitsPerSecond / 2
    await lab.limitRate(edge, { bitsPerSecond })
    const url = `http://${cloud.address}:${PORT}`
    expect(await elapsedMs(() => curl(edge, `${url}/bytes?n=${bytes}`, '-o', '/dev/null'))).toBeGreaterThan(
      leastMs,
    )
    const body = `0${'x'.repeat(bytes)}`
    await writeFile(`${lab.logFolder}/body`, body)
    const upload = ['--data-binary', `@${lab.logFolder}/body`]
    expect(await elapsedMs(() => curl(edge, `${url}/sink`, ...upload))).toBeGreaterThan(leastMs)

    await lab.removeRateLimit(edge)
    expect((await edge.exec(['tc', 'qdisc', 'show', 'dev', 'eth0'])).stdout).not.toContain('tbf')
  })

  it('loses open connections when a NAT is reset, and lets new ones through', async () => {
    const echo = await startTcpEcho(cloud, { port: 0 })
    const go = `${lab.logFolder}/go`
    const client = lab.node('edge-1').spawn([
      'bash',
      '-c',
      `mkfifo ${go}; exec 3<>/dev/tcp/$0/$1; echo one >&3; read -u 3 line; echo "old $line"
       read _ < ${go}; echo two >&3; exec 4<>/dev/tcp/$0/$1; echo three >&4; read -u 4 line; echo "new $line"
       if read -t 0 -u 3; then echo "old answers"; else echo "old is silent"; fi`,
      echo.address,
      String(echo.port),
    ])
    await client.waitForOutput(/old one/)
    await lab.resetNat('home')
    await writeFile(go, 'go\n')
    // What went into the old connection went before the new one, so its echo would be here first.
    await client.waitForOutput(/new three\nold is silent/)
  })

  it('takes pods away and gives their address to others', async () => {
    const removed = lab.pod('home-b')
    const { address } = removed
    await removed.remove()
    expect(() => lab.pod('home-b')).toThrow(LabError)
    expect(
      (await curl(lab.pod('home-a'), `http://${address}:${PORT}/`, '--connect-timeout', '1')).code,
    ).not.toBe(OK)

    const heir = await lab.addPod('edge-1', { name: 'heir', address })
    await startHttpEcho(heir, { port: PORT })
    expect((await ask(lab.pod('home-a'), address)).pod).toBe('heir')

    const moved = await lab.addPod('edge-1', { name: 'home-b' })
    expect(moved.address).not.toBe(address)
    expect((await ask(moved, address)).client).toMatch(new RegExp(`^${moved.address}:`))

    await removed.remove()
    expect(lab.pod('home-b')).toBe(moved)
    expect((await ask(moved, address)).pod).toBe('heir')
  })

  it('refuses a pod whose name or address is taken', async () => {
    const { address } = lab.pod('home-a')
    await expect(lab.addPod('edge-1', { name: 'home-a' })).rejects.toThrow('two hosts named')
    await expect(lab.addPod('edge-1', { name: 'other', address })).rejects.toThrow('taken')
    await expect(lab.addPod('nowhere', { name: 'other' })).rejects.toThrow('no node "nowhere"')
  })

  it('kills the processes of a node but not those of its pods', async () => {
    const onNode = lab.node('edge-3').spawn(['sh', '-c', 'trap "" TERM; echo up; exec sleep 1000'])
    const inPod = (await lab.addPod('edge-3', { name: 'survivor' })).spawn([
      'sh',
      '-c',
      'echo up; exec sleep 1000',
    ])
    await Promise.all([onNode.waitForOutput(/up/), inPod.waitForOutput(/up/)])
    lab.killNode('edge-3')
    expect(await onNode.exited).toEqual({ code: null, signal: 'SIGKILL' })
    expect(inPod.running).toBe(true)
  })

  it('has an internet whose DNS server knows the given names and no others', async () => {
    await startDnsUpstream(cloud2, { 'www.example.org': ['192.0.2.1', '192.0.2.2'] })
    const script = `
      const resolver = new (require('node:dns').promises.Resolver)({ timeout: 2000 })
      resolver.setServers(['${cloud2.address}'])
      const answers = ['www.example.org', 'nope.example.org'].map((name) => resolver.resolve4(name).catch((e) => e.code))
      Promise.all(answers).then((all) => console.log(JSON.stringify(all)))`
    const { stdout } = await lab.node('edge-2').exec([process.execPath, '-e', script])
    expect(JSON.parse(stdout)).toEqual([['192.0.2.1', '192.0.2.2'], 'ENOTFOUND'])
  })
})

describe('the requirements of a lab', () => {
  it('are met on a machine that runs these tests', async () => {
    expect(await missingLabRequirements()).toEqual([])
  })
})

async function elapsedMs(action: () => Promise<{ code: number }>): Promise<number> {
  const begin = performance.now()
  const { code } = await action()
  expect(code).toBe(OK)
  return performance.now() - begin
}
