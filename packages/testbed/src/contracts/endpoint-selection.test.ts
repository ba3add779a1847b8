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
  answeredHere,
}: SelectionScene): SelectionChoice {
  const viewpoint = { nodeName, nodes: new FakeNodeDirectory(nodes) }
  const healthOf = (endpoint: Endpoint) => health.state(port.name, endpoint)
  const selected = selectEndpoints({ service, endpoints, scope, healthOf }, viewpoint)
  const mode = servicePortMode({ port, service, selected, healthOf, answeredHere }, viewpoint)
  return { endpoints: selected, mode }
}

describe('selectEndpoints and servicePortMode', () => {
  it.each(endpointSelectionContract(choose))('$title', async ({ run }) => await run())
})
