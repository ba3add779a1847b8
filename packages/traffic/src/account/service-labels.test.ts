import { formatServicePortName, formatVirtualServicePortName } from '@edgeway/core'
import { FakeServiceDirectory, serviceOf } from '@edgeway/testbed'
import { expect, it } from 'vitest'
import { ServiceLabels } from './service-labels.ts'

const WEB = formatServicePortName('shop', 'web', 'http')
const CART = formatServicePortName('shop', 'cart', 'http')
const PAY = formatServicePortName('shop', 'pay', 'http')

function directory(): FakeServiceDirectory {
  const services = new FakeServiceDirectory()
  for (const [n, name] of ['web', 'cart', 'pay'].entries())
    services.set(serviceOf(`shop/${name}:http`, `10.96.0.${n + 1}`, 80))
  return services
}

it('labels the first Services by name, and further ones as other', () => {
  const labels = new ServiceLabels(directory(), 2)

  expect([WEB, CART, PAY, WEB, CART].map((name) => labels.labelOf(name))).toEqual([
    WEB,
    CART,
    'other',
    WEB,
    CART,
  ])
})

it('calls unknown what is of no Service, and gives it no place of its own', () => {
  const labels = new ServiceLabels(directory(), 1)

  expect(labels.labelOf(undefined)).toBe('unknown')
  expect(labels.labelOf(formatServicePortName('made', 'up', 'here'))).toBe('unknown')
  expect(labels.labelOf(WEB)).toBe(WEB)
})

it('labels a virtual ServicePort by its name where that is known, else by the one that it is of', () => {
  const services = directory()
  const labels = new ServiceLabels(services)
  const peer = formatVirtualServicePortName(WEB, 'web-0')
  const stranger = formatVirtualServicePortName(formatServicePortName('made', 'up', 'here'), 'web-0')
  expect([peer, stranger].map((name) => labels.labelOf(name))).toEqual([WEB, 'unknown'])

  const web = serviceOf('shop/web@web-0:http', '240.240.0.1', 8080)
  services.set({ ...web, ports: web.ports.map((port) => ({ ...port, name: peer })) })
  expect(labels.labelOf(peer)).toBe(peer)
})

it('keeps the label of a Service that has gone, and gives its place to no other', () => {
  const services = directory()
  const labels = new ServiceLabels(services, 1)
  labels.labelOf(WEB)
  services.delete('shop', 'web')

  expect(labels.labelOf(WEB)).toBe(WEB)
  expect(labels.labelOf(CART)).toBe('other')
})

it('labels 500 Services unless told otherwise', () => {
  const labels = new ServiceLabels({
    servicePort: (name) => ({ ...serviceOf('a/b:c', '10.96.0.1', 80).ports[0], name }) as never,
  })
  const given = Array.from({ length: 600 }, (_, n) =>
    labels.labelOf(formatServicePortName('many', `s${n}`, 'p')),
  )

  expect(new Set(given).size).toBe(501)
  expect(given.filter((label) => label === 'other')).toHaveLength(100)
})
