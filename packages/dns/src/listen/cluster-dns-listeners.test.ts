import { formatServicePortName, type Protocol, type Service } from '@edgeway/core'
import { FakeServiceDirectory, serviceOf } from '@edgeway/testbed'
import { beforeEach, describe, expect, it } from 'vitest'
import { clusterDnsListeners } from './cluster-dns-listeners.ts'

const ADDRESS = { ip: '169.254.96.16', port: 53 }
const ADDRESS_6 = { ip: 'fd00:e::16', port: 53 }
const ON = { services: ['kube-system/kube-dns'], intercept: true }

/** As kubeadm makes it. */
function kubeDns(clusterIp = '10.96.0.10'): Service {
  const plain = serviceOf('kube-system/kube-dns:dns', clusterIp, 53)
  const port = (name: string, protocol: Protocol, number: number) =>
    plain.ports.map((one) => ({ ...one, name: nameOf(name), protocol, port: number }))
  return {
    ...plain,
    ports: [...port('dns', 'UDP', 53), ...port('dns-tcp', 'TCP', 53), ...port('metrics', 'TCP', 9_153)],
  }
}

function nameOf(port: string) {
  return formatServicePortName('kube-system', 'kube-dns', port)
}

describe("the listeners for the cluster's DNS", () => {
  let services: FakeServiceDirectory

  beforeEach(() => {
    services = new FakeServiceDirectory()
    services.set(kubeDns())
  })

  const listeners = (options = ON, addresses = [ADDRESS, ADDRESS_6]) =>
    clusterDnsListeners(options, { services, addresses })

  it.each(['dns', 'dns-tcp'])('are those of the node for port 53: %s', (port) => {
    expect(listeners().listener(nameOf(port), 'IPv4')).toEqual(ADDRESS)
    expect(listeners().listener(nameOf(port), 'IPv6')).toEqual(ADDRESS_6)
  })

  it('are none for other ports and other Services', () => {
    services.set(serviceOf('shop/dns', '10.96.0.1', 53))

    expect(listeners().listener(nameOf('metrics'), 'IPv4')).toBeUndefined()
    expect(listeners().listener(formatServicePortName('shop', 'dns', ''), 'IPv4')).toBeUndefined()
  })

  it('know a Service whose only port has no name', () => {
    services.set(serviceOf('kube-system/coredns', '10.96.0.11', 53))
    const options = { ...ON, services: ['kube-system/kube-dns', 'kube-system/coredns'] }

    expect(listeners(options).listener(formatServicePortName('kube-system', 'coredns', ''), 'IPv4')).toEqual(
      ADDRESS,
    )
  })

  it('are none in a family that the node does not have, and none where nothing is to be intercepted', () => {
    expect(listeners(ON, [ADDRESS]).listener(nameOf('dns'), 'IPv6')).toBeUndefined()
    expect(listeners({ ...ON, intercept: false }).listener(nameOf('dns'), 'IPv4')).toBeUndefined()
  })

  it('follow the Service as it comes, changes and goes, and tell of nothing else', () => {
    services.delete('kube-system', 'kube-dns')
    const directory = listeners()
    const told: string[] = []
    using _watch = directory.watch((name) => told.push(`${name} ${directory.listener(name, 'IPv4')?.port}`))

    services.set(serviceOf('shop/web', '10.96.0.1', 53))
    services.set(kubeDns())
    services.delete('kube-system', 'kube-dns')

    expect(told).toEqual([
      'kube-system/kube-dns:dns 53',
      'kube-system/kube-dns:dns-tcp 53',
      'kube-system/kube-dns:metrics undefined',
      'kube-system/kube-dns:dns undefined',
      'kube-system/kube-dns:dns-tcp undefined',
      'kube-system/kube-dns:metrics undefined',
    ])
  })
})
