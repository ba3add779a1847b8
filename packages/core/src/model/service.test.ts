import { expect, it } from 'vitest'
import { clusterServicePortName, formatServicePortName, formatVirtualServicePortName } from './service.ts'

it.each(['pg', ''])('finds the ServicePort "%s" that a virtual one is of', (port) => {
  const name = formatServicePortName('shop', 'db', port)
  expect(clusterServicePortName(formatVirtualServicePortName(name, 'db-0'))).toBe(name)
  expect(clusterServicePortName(name)).toBe(name)
})
