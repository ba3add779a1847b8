import assert from 'node:assert/strict'
import { formatServicePortName, type Service } from '@edgeway/core'
import { serviceOf } from '../builders.ts'
import type { ServiceDirectoryCase, ServiceDirectoryUnderTest } from './service-directory-under-test.ts'

const WEB = serviceOf('shop/web:http', '10.96.0.1', 80)
const WEB_HTTP = formatServicePortName('shop', 'web', 'http')

/** Finding ServicePorts by what clients connect to. */
export const ADDRESS_CASES: readonly ServiceDirectoryCase[] = [
  ['finds a ServicePort by ClusterIP, port and protocol, and by nothing less', findsByAddress],
  ['finds a ServicePort by each of its addresses', findsByEachAddress],
  ['follows a ClusterIP that changes hands', followsAddresses],
  ['gives a ClusterIP to nobody who lists it as an external IP', guardsClusterIps],
  ['finds no headless Service by an address', givesNothingToHeadless],
  ['finds a ServicePort by node port and protocol, and by nothing less', findsByNodePort],
  ['follows a node port that changes hands', followsNodePorts],
  ['gives what two Services claim to the latest, and to the other one when that goes', prefersTheLatest],
]

function findsByAddress({ directory, set }: ServiceDirectoryUnderTest): void {
  set(WEB)
  assert.deepEqual(directory.lookup('10.96.0.1', 80, 'TCP'), WEB.ports[0])
  assert.equal(directory.lookup('10.96.0.1', 80, 'UDP'), undefined)
  assert.equal(directory.lookup('10.96.0.1', 81, 'TCP'), undefined)
  assert.equal(directory.lookup('10.96.0.2', 80, 'TCP'), undefined)
}

function findsByEachAddress({ directory, set }: ServiceDirectoryUnderTest): void {
  const clusterIps = ['10.96.0.1', 'fd00::1']
  const externalIps = ['192.0.2.1']
  const ports = WEB.ports.map((port) => ({ ...port, clusterIps, externalIps }))
  set({ ...WEB, clusterIps, ports })
  for (const ip of [...clusterIps, ...externalIps])
    assert.deepEqual(directory.lookup(ip, 80, 'TCP'), ports[0])
}

function followsAddresses({ directory, set }: ServiceDirectoryUnderTest): void {
  set(WEB)
  set(serviceOf('shop/api:http', '10.96.0.2', 80))
  set(serviceOf('shop/web:http', '10.96.0.2', 80))
  set(serviceOf('shop/api:http', '10.96.0.1', 80))
  assert.equal(directory.lookup('10.96.0.2', 80, 'TCP')?.name, WEB_HTTP)
  assert.equal(directory.lookup('10.96.0.1', 80, 'TCP')?.name, formatServicePortName('shop', 'api', 'http'))
}

function guardsClusterIps({ directory, set }: ServiceDirectoryUnderTest): void {
  set(WEB)
  const thief = serviceOf('shop/thief:http', '10.96.0.9', 80)
  set({ ...thief, ports: thief.ports.map((port) => ({ ...port, externalIps: ['10.96.0.1'] })) })
  assert.equal(directory.lookup('10.96.0.1', 80, 'TCP')?.name, WEB_HTTP)
}

function givesNothingToHeadless({ directory, set }: ServiceDirectoryUnderTest): void {
  const ports = WEB.ports.map((port) => ({
    ...port,
    clusterIps: [],
    externalIps: ['192.0.2.1'],
    nodePort: 30_080,
  }))
  set({ ...WEB, clusterIps: [], headless: true, ports })
  assert.equal(directory.lookup('192.0.2.1', 80, 'TCP'), undefined)
  assert.equal(directory.lookupNodePort(30_080, 'TCP'), undefined)
}

function findsByNodePort({ directory, set }: ServiceDirectoryUnderTest): void {
  const web = withNodePort(WEB, 30_080)
  set(web)
  set(serviceOf('shop/api:http', '10.96.0.2', 80))
  assert.deepEqual(directory.lookupNodePort(30_080, 'TCP'), web.ports[0])
  assert.equal(directory.lookupNodePort(30_080, 'UDP'), undefined)
  const dns = withNodePort(serviceOf('shop/dns:dns', '10.96.0.3', 53), 30_080)
  set({ ...dns, ports: dns.ports.map((port) => ({ ...port, protocol: 'UDP' })) })
  assert.equal(directory.lookupNodePort(30_080, 'UDP')?.name, 'shop/dns:dns')
  assert.deepEqual(directory.lookupNodePort(30_080, 'TCP'), web.ports[0])
  assert.equal(directory.lookupNodePort(80, 'TCP'), undefined)
  assert.equal(directory.lookup('10.96.0.1', 30_080, 'TCP'), undefined)
}

function followsNodePorts(under: ServiceDirectoryUnderTest): void {
  const { directory } = under
  under.set(withNodePort(WEB, 30_080))
  under.set(withNodePort(WEB, 30_081))
  assert.equal(directory.lookupNodePort(30_080, 'TCP'), undefined)
  assert.equal(directory.lookupNodePort(30_081, 'TCP')?.name, WEB_HTTP)
  under.set(WEB)
  assert.equal(directory.lookupNodePort(30_081, 'TCP'), undefined)
  under.set(withNodePort(WEB, 30_082))
  under.delete('shop', 'web')
  assert.equal(directory.lookupNodePort(30_082, 'TCP'), undefined)
}

function prefersTheLatest(under: ServiceDirectoryUnderTest): void {
  const { directory } = under
  const owners = (): unknown[] => [
    directory.lookup('10.96.0.1', 80, 'TCP')?.name,
    directory.lookupNodePort(30_080, 'TCP')?.name,
  ]
  under.set(withNodePort(serviceOf('shop/api:http', '10.96.0.1', 80), 30_081))
  under.set(withNodePort(WEB, 30_080))
  under.set(withNodePort(serviceOf('shop/api:http', '10.96.0.1', 80), 30_080))
  assert.deepEqual(owners(), ['shop/api:http', 'shop/api:http'])
  under.delete('shop', 'api')
  assert.deepEqual(owners(), [WEB_HTTP, WEB_HTTP])
}

function withNodePort(service: Service, nodePort: number): Service {
  return { ...service, type: 'NodePort', ports: service.ports.map((port) => ({ ...port, nodePort })) }
}
