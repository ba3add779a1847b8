import { endpointsOf } from '@edgeway/testbed'
import { expect, it } from 'vitest'
import { formatEndpoint } from './endpoint.ts'

it('tells endpoints with one address on two nodes apart', () => {
  const [one, two] = endpointsOf('edge-1/10.1.0.1:80', 'edge-2/10.1.0.1:80').map(formatEndpoint)

  expect(one).toBe('edge-1/10.1.0.1:80/TCP')
  expect(two).not.toBe(one)
})

it('writes IPv6 in brackets and a missing node as a dash', () => {
  expect(formatEndpoint({ node: undefined, ip: 'fd00::1', port: 80, protocol: 'TCP' })).toBe(
    '-/[fd00::1]:80/TCP',
  )
})
