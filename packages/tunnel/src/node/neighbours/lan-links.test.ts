import type { NetworkInterfaceInfo } from 'node:os'
import { expect, it } from 'vitest'
import { lanLinks, linkTo } from './lan-links.ts'

function ipv4(cidr: string): NetworkInterfaceInfo {
  const [address = ''] = cidr.split('/')
  return { address, netmask: '', family: 'IPv4', mac: '', internal: address.startsWith('127.'), cidr }
}

const INTERFACES = {
  lo: [ipv4('127.0.0.1/8')],
  eth0: [ipv4('192.168.1.11/24')],
  eth1: [ipv4('45.80.0.10/24')],
  eth2: [ipv4('10.0.0.7/16')],
  wg0: [ipv4('10.99.0.1/32')],
  cni0: [ipv4('10.244.1.1/24')],
}
const EVERYWHERE = new Set(
  Object.values(INTERFACES).flatMap((infos) => infos.map(({ address }) => `/ip4/${address}/tcp/20008`)),
)

it('are private addresses of interfaces that are none of pods', () => {
  const links = lanLinks(INTERFACES, EVERYWHERE)
  expect(links.map(({ device, port }) => [device, port])).toEqual([
    ['eth0', 20_008],
    ['eth2', 20_008],
  ])
})

it('are only those at which this node listens', () => {
  expect(lanLinks(INTERFACES, new Set(['/ip4/127.0.0.1/tcp/20008']))).toEqual([])
  expect(lanLinks(INTERFACES, new Set(['/ip4/10.0.0.7/tcp/4711']))).toMatchObject([{ port: 4_711 }])
})

it('have the hosts of their subnet', () => {
  const links = lanLinks(INTERFACES, EVERYWHERE)
  expect(linkTo(links, '192.168.1.99')?.device).toBe('eth0')
  expect(linkTo(links, '10.0.200.1')?.device).toBe('eth2')
  for (const address of ['192.168.2.1', '10.244.1.5', '45.80.0.11', '8.8.8.8'])
    expect(linkTo(links, address)).toBeUndefined()
})
