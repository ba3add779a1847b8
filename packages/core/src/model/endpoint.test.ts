import { expect, it } from 'vitest'
import { formatEndpoint } from './endpoint.ts'
import type { NodeName } from './node.ts'

it('tells endpoints with one address on two nodes apart', () => {
  const [one, two] = ['edge-1', 'edge-2'].map((node) =>
    formatEndpoint({ node: node as NodeName, ip: '10.1.0.1', port: 80, protocol: 'TCP' }),
  )

  expect(one).toBe('edge-1/10.1.0.1:80/TCP')
  expect(two).not.toBe(one)
})

it('writes IPv6 in brackets and a missing node as a dash', () => {
  expect(formatEndpoint({ node: undefined, ip: 'fd00::1', port: 80, protocol: 'TCP' })).toBe(
    '-/[fd00::1]:80/TCP',
  )
})
