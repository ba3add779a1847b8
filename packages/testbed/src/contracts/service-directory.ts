import assert from 'node:assert/strict'
import {
  type Endpoint,
  formatEndpoint,
  formatServicePortName,
  type NodeName,
  type ServicePortName,
} from '@edgeway/core'
import { endpointsOf, serviceOf } from '../builders.ts'
import type { ContractCase } from './contract-case.ts'
import { ADDRESS_CASES } from './service-directory-addresses.ts'
import type { ServiceDirectoryCase, ServiceDirectoryUnderTest } from './service-directory-under-test.ts'

/** What every ServiceDirectory holds to; each case makes a directory of its own. */
export function serviceDirectoryContract(make: () => ServiceDirectoryUnderTest): readonly ContractCase[] {
  return CASES.map(([title, run]) => ({ title, run: async () => await run(make()) }))
}

const CASES: readonly ServiceDirectoryCase[] = [
  ['is loaded only once somebody says so, and tells who waits for it', tellsWhenLoaded],
  ['lets nobody wait who no longer wants to', rejectsAbortedWaits],
  ['finds a Service by its name and its ports by theirs', findsByName],
  ...ADDRESS_CASES,
  ['keeps the Services of one name in two namespaces apart', keepsNamespacesApart],
  ['lists the ServicePorts of all Services, headless ones included', listsServicePorts],
  ['knows the namespaces that have a Service', knowsNamespaces],
  ['answers with all endpoints, ready or not, always in the same order', answersEndpoints],
  ['never changes an array that it gave out', neverMutates],
  ['tells endpoints apart by node, ip, port and protocol', tellsEndpointsApart],
  ['knows an endpoint as long as any ServicePort lists it', countsEndpoints],
  ['forgets everything of a deleted Service', forgetsDeleted],
  ['forgets a port that a Service lost', forgetsLostPorts],
  ['tells of each change after it already answers with it', tellsOfChanges],
  ['tells nobody who no longer listens', tellsNobody],
]

const WEB = serviceOf('shop/web:http', '10.96.0.1', 80)
const WEB_HTTP = formatServicePortName('shop', 'web', 'http')

async function tellsWhenLoaded({ directory, load }: ServiceDirectoryUnderTest): Promise<void> {
  assert.equal(directory.loaded, false)
  const waiting = directory.whenLoaded(never())
  load()
  await waiting
  assert.equal(directory.loaded, true)
  await directory.whenLoaded(never())
}

async function rejectsAbortedWaits({ directory }: ServiceDirectoryUnderTest): Promise<void> {
  const controller = new AbortController()
  const reason = new Error('not wanted')
  const waiting = directory.whenLoaded(controller.signal)
  controller.abort(reason)
  await assert.rejects(waiting, reason)
  await assert.rejects(directory.whenLoaded(AbortSignal.abort(reason)), reason)
}

function findsByName({ directory, set }: ServiceDirectoryUnderTest): void {
  set(WEB)
  assert.deepEqual(directory.service('shop', 'web'), WEB)
  assert.deepEqual(directory.servicePort(WEB_HTTP), WEB.ports[0])
  assert.deepEqual(directory.serviceOf(WEB_HTTP), WEB)
  assert.equal(directory.serviceOf(formatServicePortName('shop', 'web', 'none')), undefined)
  assert.equal(directory.service('shop', 'none'), undefined)
  assert.equal(directory.servicePort(formatServicePortName('shop', 'web', 'none')), undefined)
}

function keepsNamespacesApart({ directory, set }: ServiceDirectoryUnderTest): void {
  const other = serviceOf('hq/web:http', '10.96.0.2', 80)
  set(WEB, endpointsOf('edge-1/10.1.0.1:80'))
  set(other, endpointsOf('edge-2/10.1.0.2:80'))
  assert.deepEqual(directory.service('hq', 'web'), other)
  assert.equal(directory.endpoints(WEB_HTTP)[0]?.node, 'edge-1')
}

function listsServicePorts({ directory, set }: ServiceDirectoryUnderTest): void {
  const headless = { ...serviceOf('shop/db:sql', '', 5432), clusterIps: [] }
  set(WEB)
  set({ ...headless, ports: headless.ports.map((port) => ({ ...port, clusterIps: [] })) })
  const names = [...directory.servicePorts()].map(({ name }) => name)
  assert.deepEqual(names.toSorted(), ['shop/db:sql', 'shop/web:http'])
}

function knowsNamespaces(under: ServiceDirectoryUnderTest): void {
  const { directory } = under
  under.set(WEB)
  under.set(serviceOf('shop/api', '10.96.0.2', 80))
  under.delete('shop', 'web')
  assert.equal(directory.hasNamespace('shop'), true)
  assert.equal(directory.hasNamespace('hq'), false)
  under.delete('shop', 'api')
  assert.equal(directory.hasNamespace('shop'), false)
}

function answersEndpoints({ directory, set }: ServiceDirectoryUnderTest): void {
  const [first, second] = endpointsOf('edge-1/10.1.0.1:80', 'edge-2/10.1.0.2:80')
  assert.ok(first && second)
  assert.deepEqual(directory.endpoints(WEB_HTTP), [])
  set(WEB, [first, { ...second, ready: false }])
  const endpoints = directory.endpoints(WEB_HTTP)
  assert.deepEqual(keysOf(endpoints), keysOf([first, second]))
  assert.equal(endpoints.find(({ node }) => node === 'edge-2')?.ready, false)
  assert.deepEqual(directory.endpoints(WEB_HTTP), endpoints)
}

function neverMutates({ directory, set }: ServiceDirectoryUnderTest): void {
  set(WEB, endpointsOf('edge-1/10.1.0.1:80'))
  const before = directory.endpoints(WEB_HTTP)
  set(WEB, endpointsOf('edge-2/10.1.0.2:80', 'edge-2/10.1.0.3:80'))
  assert.deepEqual(before, endpointsOf('edge-1/10.1.0.1:80'))
}

function tellsEndpointsApart({ directory, set }: ServiceDirectoryUnderTest): void {
  const [endpoint] = endpointsOf('edge-1/10.1.0.1:80')
  assert.ok(endpoint)
  set(WEB, [{ ...endpoint, ready: false }])
  assert.equal(directory.hasEndpoint(endpoint), true)
  assert.equal(directory.hasEndpoint({ ...endpoint, node: 'edge-2' as NodeName }), false)
  assert.equal(directory.hasEndpoint({ ...endpoint, node: undefined }), false)
  assert.equal(directory.hasEndpoint({ ...endpoint, ip: '10.1.0.2' }), false)
  assert.equal(directory.hasEndpoint({ ...endpoint, port: 81 }), false)
  assert.equal(directory.hasEndpoint({ ...endpoint, protocol: 'UDP' }), false)
}

function countsEndpoints(under: ServiceDirectoryUnderTest): void {
  const { directory } = under
  const [endpoint] = endpointsOf('edge-1/10.1.0.1:80')
  assert.ok(endpoint)
  under.set(WEB, [endpoint])
  under.set(serviceOf('shop/api', '10.96.0.2', 80), [endpoint])
  under.delete('shop', 'web')
  assert.equal(directory.hasEndpoint(endpoint), true)
  under.set(serviceOf('shop/api', '10.96.0.2', 80), [])
  assert.equal(directory.hasEndpoint(endpoint), false)
}

function forgetsDeleted(under: ServiceDirectoryUnderTest): void {
  const { directory } = under
  const endpoints = endpointsOf('edge-1/10.1.0.1:80')
  under.set(WEB, endpoints)
  under.delete('shop', 'web')
  assert.equal(directory.service('shop', 'web'), undefined)
  assert.equal(directory.servicePort(WEB_HTTP), undefined)
  assert.equal(directory.lookup('10.96.0.1', 80, 'TCP'), undefined)
  assert.deepEqual(directory.endpoints(WEB_HTTP), [])
  for (const endpoint of endpoints) assert.equal(directory.hasEndpoint(endpoint), false)
}

function forgetsLostPorts({ directory, set }: ServiceDirectoryUnderTest): void {
  set(WEB)
  const renamed = serviceOf('shop/web:https', '10.96.0.1', 443)
  set(renamed)
  assert.equal(directory.servicePort(WEB_HTTP), undefined)
  assert.equal(directory.lookup('10.96.0.1', 80, 'TCP'), undefined)
  assert.deepEqual([...directory.servicePorts()], renamed.ports)
}

function tellsOfChanges(under: ServiceDirectoryUnderTest): void {
  const { directory } = under
  const seen: [ServicePortName, number, string | undefined][] = []
  directory.watch((name) => {
    seen.push([name, directory.endpoints(name).length, directory.servicePort(name)?.clusterIps[0]])
  })
  const last = (): unknown => seen.at(-1)

  under.set(WEB, endpointsOf('edge-1/10.1.0.1:80'))
  assert.deepEqual(last(), [WEB_HTTP, 1, '10.96.0.1'])
  under.set(WEB, endpointsOf('edge-1/10.1.0.1:80', 'edge-2/10.1.0.2:80'))
  assert.deepEqual(last(), [WEB_HTTP, 2, '10.96.0.1'])
  under.set(serviceOf('shop/web:http', '10.96.0.9', 80))
  assert.deepEqual(last(), [WEB_HTTP, 2, '10.96.0.9'])
  under.delete('shop', 'web')
  assert.deepEqual(last(), [WEB_HTTP, 0, undefined])
}

function tellsNobody({ directory, set }: ServiceDirectoryUnderTest): void {
  const seen: ServicePortName[] = []
  const subscription = directory.watch((name) => void seen.push(name))
  subscription[Symbol.dispose]()
  set(WEB)
  assert.deepEqual(seen, [])
}

function keysOf(endpoints: readonly Endpoint[]): string[] {
  return endpoints.map(formatEndpoint).toSorted()
}

function never(): AbortSignal {
  return new AbortController().signal
}
