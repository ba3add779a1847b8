import { type Endpoint, selectEndpoints, servicePortMode } from '@edgeway/core'
import { describe, it } from 'vitest'
import { FakeNodeDirectory } from '../fakes/fake-node-directory.ts'
import { endpointSelectionContract, type SelectionChoice, type SelectionScene } from './endpoint-selection.ts'

function choose({
  service,
  port,
  endpoints,
  health,
  nodes,
  nodeName,
  scope,
}: SelectionScene): SelectionChoice {
  const viewpoint = { nodeName, nodes: new FakeNodeDirectory(nodes) }
  const healthOf = (endpoint: Endpoint) => health.state(port.name, endpoint)
  const selected = selectEndpoints({ service, endpoints, scope, healthOf }, viewpoint)
  return { endpoints: selected, mode: servicePortMode({ port, service, selected, healthOf }, viewpoint) }
}

describe('selectEndpoints and servicePortMode', () => {
  it.each(endpointSelectionContract(choose))('$title', async ({ run }) => await run())
})
