import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Lab, LabError, type LabHost, startDnsUpstream, startHttpEcho } from '../src/index.ts'

const PORT = 8080
const DATAGRAMS = 400
const NAME = 'tunnel.example'

/** Sends datagrams to an echo and writes how many came back within a second after the last. */
const COUNTED = `
const [address, count] = process.argv.slice(1)
const socket = require('node:dgram').createSocket('udp4')
let back = 0
socket.on('message', () => { back += 1 })
socket.connect(7, address, async () => {
  for (let sent = 0; sent < Number(count); sent++) {
    socket.send('x')
    await new Promise((resolve) => setImmediate(resolve))
  }
  setTimeout(() => { console.log(back); process.exit(0) }, 1_000)
})
`
const ECHO = `
const socket = require('node:dgram').createSocket('udp4')
socket.on('message', (message, { port, address }) => socket.send(message, port, address))
socket.bind(7, () => process.stdout.write('ready'))
`

describe('a network that changes', () => {
  let lab: Lab
  let cloud: LabHost
  let edge: LabHost

  beforeAll(async () => {
    lab = await Lab.create({
      cloud: [{ name: 'cloud', address: '45.80.0.11' }, { name: 'other' }],
      sites: [
        {
          name: 'home',
          nat: 'endpoint-independent',
          subnet: '192.168.1.0/24',
          nodes: [
            { name: 'edge', address: '192.168.1.10', pods: [{ name: 'pod' }] },
            { name: 'neighbour', address: '192.168.1.11' },
          ],
        },
      ],
    })
    cloud = lab.node('cloud')
    edge = lab.node('edge')
    await startHttpEcho(cloud, { port: PORT })
    await cloud.spawn([process.execPath, '-e', ECHO]).waitForOutput(/ready/)
  })
  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]()
  })

  async function answered(): Promise<number> {
    const { stdout, stderr } = await edge.exec([
      process.execPath,
      '-e',
      COUNTED,
      cloud.address,
      String(DATAGRAMS),
    ])
    expect(stdout, stderr).toMatch(/^\d+\n$/)
    return Number(stdout)
  }

  async function clientSeenFrom(host: LabHost): Promise<string> {
    const url = `http://${cloud.address}:${PORT}/`
    const { stdout } = await host.exec(['curl', '-s', '--connect-timeout', '5', url])
    return stdout === '' ? '' : (JSON.parse(stdout) as { client: string }).client
  }

  it('loses about as many packets as it is told, in the direction it is told, and none after', async () => {
    // Neighbours know each other then: without that, ARP is what is lost. A busy machine may lose some of a burst.
    const nearlyAll = DATAGRAMS * 0.95
    expect(await answered()).toBeGreaterThanOrEqual(nearlyAll)
    await lab.setLoss(edge, { sentPercent: 50, receivedPercent: 50 })
    // A quarter, and seven standard deviations to either side.
    const both = await answered()
    expect(both).toBeGreaterThan(DATAGRAMS / 10)
    expect(both).toBeLessThan(DATAGRAMS * 0.4)

    await lab.setLoss(edge, { receivedPercent: 50 })
    const one = await answered()
    expect(one).toBeGreaterThan(DATAGRAMS * 0.3)
    expect(one).toBeLessThan(DATAGRAMS * 0.7)

    await lab.setLoss(edge, {})
    expect(await answered()).toBeGreaterThanOrEqual(nearlyAll)
  })

  it('gives a node another address as DHCP does: the old one is gone, the way out stays', async () => {
    await lab.changeAddress('edge', '192.168.1.77')

    expect(edge.address).toBe('192.168.1.77')
    const { stdout } = await edge.exec(['ip', '-4', '-o', 'addr', 'show', 'dev', 'eth0'])
    expect([...stdout.matchAll(/inet (\S+)/g)].map(([, cidr]) => cidr)).toEqual(['192.168.1.77/24'])
    expect(await clientSeenFrom(edge)).toMatch(/^45\.80\.0\.101:/)
    expect(await clientSeenFrom(lab.pod('pod'))).toMatch(/^45\.80\.0\.101:/)
  })

  it('gives a host of the cloud another address', async () => {
    const before = cloud.address
    await lab.changeAddress('cloud', '45.80.0.99')

    expect(await clientSeenFrom(edge)).toMatch(/^45\.80\.0\.101:/)
    const old = ['curl', '-s', '--connect-timeout', '1', `http://${before}:${PORT}/`]
    expect((await edge.exec(old)).code).not.toBe(0)
  })

  it('refuses an address that is taken or of another subnet', async () => {
    await expect(lab.changeAddress('edge', '192.168.1.11')).rejects.toThrow(LabError)
    await expect(lab.changeAddress('edge', '10.0.0.1')).rejects.toThrow('not in 192.168.1.0/24')
    await expect(lab.changeAddress('nobody', '192.168.1.12')).rejects.toThrow('no node "nobody"')
    expect(edge.address).toBe('192.168.1.77')
  })

  it('has a DNS whose records can be replaced while it runs', async () => {
    const upstream = await startDnsUpstream(lab.node('other'), { [NAME]: ['192.0.2.1'] })
    const ask = async (): Promise<string> => {
      const { stdout } = await edge.exec(['dig', '+short', `@${lab.node('other').address}`, NAME])
      return stdout
    }
    expect(await ask()).toBe('192.0.2.1\n')
    await upstream.setRecords({ [NAME]: ['192.0.2.2'] })
    expect(await ask()).toBe('192.0.2.2\n')
    await upstream.setRecords({})
    expect(await ask()).toBe('')
  })
})
