import type { NetworkInterfaceInfo } from 'node:os'
import { expect, it } from 'vitest'
import { podNetworkAddresses } from './interfaces.ts'
import { ownAddresses } from './own-addresses.ts'

function interfacesOf(addresses: Record<string, string>): Record<string, NetworkInterfaceInfo[]> {
  return Object.fromEntries(
    Object.entries(addresses).map(([name, address]) => [name, [{ address } as NetworkInterfaceInfo]]),
  )
}

const AUTO = { announced: 'auto', ofPods: new Set(['10.244.1.1']) } as const

it('the addresses of a node are those of its network, apart by whether they mean the same host everywhere', () => {
  const listening = new Set(
    ['127.0.0.1', '192.168.1.10', '45.80.0.9', '169.254.96.16', '10.244.1.1'].map(
      (ip) => `/ip4/${ip}/tcp/20008`,
    ),
  )
  expect(ownAddresses(listening, AUTO)).toEqual({
    lan: ['/ip4/192.168.1.10/tcp/20008'],
    direct: ['/ip4/45.80.0.9/tcp/20008'],
  })
})

it('what a router maps is announced before all else', () => {
  const listening = new Set(['/ip4/192.168.1.10/tcp/20008'])
  const mapped = ['/ip4/45.80.0.101/tcp/50000']
  expect(ownAddresses(listening, { ...AUTO, mapped })).toEqual({ lan: [...listening], direct: mapped })
})

it('a process that listens on loopback only is reached there', () => {
  const listening = new Set(['/ip4/127.0.0.1/tcp/20008'])
  expect(ownAddresses(listening, AUTO)).toEqual({ lan: [...listening], direct: [] })
})

it('what was configured is announced in place of what the interfaces have', () => {
  const listening = new Set(['/ip4/192.168.1.10/tcp/20008'])
  expect(ownAddresses(listening, { ...AUTO, announced: ['node.example:1'] })).toEqual({
    lan: [],
    direct: ['/dns/node.example/tcp/1'],
  })
})

it('addresses of pod networks are those that only their devices have', () => {
  const names = ['docker0', 'cni0', 'br-0123456789ab', 'veth12', 'flannel.1', 'kube-ipvs0', 'cali1', 'virbr0']
  const pods = Object.fromEntries(names.map((name, index) => [name, `10.244.0.${index}`]))
  const nodes = { eth0: '192.168.1.10', 'br-lan': '192.168.2.1', br0: '192.168.3.1', wlan0: '10.0.0.1' }
  expect(podNetworkAddresses(interfacesOf({ ...pods, ...nodes }))).toEqual(new Set(Object.values(pods)))
  expect(podNetworkAddresses(interfacesOf({ eth0: '10.96.0.1', 'kube-ipvs0': '10.96.0.1' }))).toEqual(
    new Set(),
  )
})
