import type { NodeName } from '@edgeway/core'
import {
  endpointSelectionContract,
  endpointsOf,
  FakeNodeDirectory,
  FakeServiceDirectory,
  type SelectionChoice,
  type SelectionScene,
  serviceOf,
} from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { EndpointPicker } from './endpoint-picker.ts'

function choose({ service, port, endpoints, nodes, nodeName, scope }: SelectionScene): SelectionChoice {
  const services = new FakeServiceDirectory()
  services.set(service, endpoints)
  const picker = new EndpointPicker(services, { nodeName, nodes: new FakeNodeDirectory(nodes) })
  return { endpoints: picker.order(port.name, scope) }
}

describe('EndpointPicker', () => {
  it.each(endpointSelectionContract(choose))('$title', async ({ run }) => await run())

  it('goes round the endpoints of each scope by itself', () => {
    const services = new FakeServiceDirectory()
    const service = serviceOf('shop/web:http', '10.96.0.1', 80)
    const [name] = service.ports.map((port) => port.name)
    if (name === undefined) throw new Error('serviceOf makes one port')
    const [one, two] = endpointsOf('edge-1/10.1.0.1:80', 'edge-1/10.1.0.2:80')
    if (one === undefined || two === undefined) throw new Error('endpointsOf makes what it is asked for')
    services.set(service, [one, two])
    const nodes = new FakeNodeDirectory()
    const picker = new EndpointPicker(services, { nodeName: 'edge-1' as NodeName, nodes })

    expect(picker.order(name, 'internal')).toEqual([one, two])
    expect(picker.order(name, 'external')).toEqual([one, two])
    expect(picker.order(name, 'internal')).toEqual([two, one])
  })

  it('has nothing for a ServicePort that has gone', () => {
    const services = new FakeServiceDirectory()
    const nodes = new FakeNodeDirectory()
    const picker = new EndpointPicker(services, { nodeName: 'edge-1' as NodeName, nodes })
    const [port] = serviceOf('shop/web:http', '10.96.0.1', 80).ports
    if (port === undefined) throw new Error('serviceOf makes one port')

    expect(picker.order(port.name, 'internal')).toEqual([])
  })
})
