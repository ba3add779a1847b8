import type { MeshProcess } from '@edgeway/testbed'

/** The path of the first flow from an agent's node to that ServicePort that its log has after `mark`. */
export async function pathOf(agent: MeshProcess, service: string, mark: number): Promise<unknown> {
  const flow = await agent.log.waitFor(
    // The same log has the flows that come from other nodes.
    ({ message, ...fields }) =>
      message === 'flow ended' && fields['direction'] === 'outbound' && fields['service'] === service,
    { mark },
  )
  return flow['path']
}

/** Flows from an agent's node to a ServicePort that have ended so far, by path; without the paths that none took. */
export async function flowsByPath(agent: MeshProcess, service: string): Promise<Record<string, number>> {
  const flows: Record<string, number> = {}
  for (const path of ['local', 'routed', 'lan', 'direct', 'punched', 'relayed', 'unknown']) {
    const labels = { direction: 'outbound', service, path }
    const count = await agent.metric('edgeway_traffic_flows_total', labels)
    if (count > 0) flows[path] = count
  }
  return flows
}
