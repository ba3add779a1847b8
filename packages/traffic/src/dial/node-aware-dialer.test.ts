import type { Endpoint, NodeName } from '@edgeway/core'
import { endpointsOf, FakeDialer, serviceOf } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { NodeAwareDialer } from './node-aware-dialer.ts'

const NETWORKS: Readonly<Record<string, string>> = {
  'edge-1': 'factory',
  'edge-2': 'factory',
  'edge-3': 'shop',
}

/** The path that a dial from edge-1 takes. */
async function pathTo(text: string): Promise<string> {
  const [endpoint] = endpointsOf(text)
  const [service] = serviceOf('shop/web:http', '10.96.0.1', 80).ports
  if (endpoint === undefined || service === undefined) throw new Error('the builders make one each')
  const dialer = new NodeAwareDialer({
    nodeName: 'edge-1' as NodeName,
    nodes: { node: (name) => ({ name, labels: {}, addresses: [], routedNetwork: NETWORKS[name] }) },
    local: accepting('local', endpoint),
    routed: accepting('routed', endpoint),
    tunnel: accepting('relayed', endpoint),
  })
  const signal = new AbortController().signal
  return (await dialer.dial({ endpoint, service: service.name }, signal)).path
}

function accepting(path: 'local' | 'routed' | 'relayed', endpoint: Endpoint): FakeDialer {
  const dialer = new FakeDialer(path)
  dialer.set(endpoint, () => {})
  return dialer
}

describe('NodeAwareDialer', () => {
  it.each([
    ['its own node', 'edge-1/10.1.0.1:80', 'local'],
    ['a node of the same declared network', 'edge-2/10.1.0.1:80', 'routed'],
    ['a node of another network', 'edge-3/10.1.0.1:80', 'relayed'],
    ['a node of no declared network', 'edge-4/10.1.0.1:80', 'relayed'],
    ['no node', '10.1.0.1:80', 'routed'],
  ])('reaches an endpoint on %s by its path', async (_where, endpoint, path) => {
    expect(await pathTo(endpoint)).toBe(path)
  })

  it('is as patient as the way to the endpoint asks for', () => {
    const [own, other] = endpointsOf('edge-1/10.1.0.1:80', 'edge-4/10.1.0.1:80')
    const tunnel = Object.assign(new FakeDialer(), { patienceMs: () => 9_000 })
    const dialer = new NodeAwareDialer({
      ...{ nodeName: 'edge-1' as NodeName, nodes: { node: () => undefined } },
      ...{ local: new FakeDialer('local'), routed: new FakeDialer('routed'), tunnel },
    })
    expect(dialer.patienceMs(own ?? expect.fail())).toBe(0)
    expect(dialer.patienceMs(other ?? expect.fail())).toBe(9_000)
  })
})
