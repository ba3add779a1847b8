import { setTimeout as delay } from 'node:timers/promises'
import type { Logger, NodeDirectory, NodeName, ServiceDirectory } from '@edgeway/core'

/** Time for the list of Nodes to arrive after that of the Services. */
const NODES_GRACE_MS = 5_000

/** Says so when the cluster has no Node of the agent's name: a typing error that would else only show as odd paths. */
export async function warnIfNodeIsUnknown(
  nodeName: NodeName,
  deps: {
    readonly services: Pick<ServiceDirectory, 'whenLoaded'>
    readonly nodes: Pick<NodeDirectory, 'node'>
    readonly logger: Logger
    readonly shutdown: AbortSignal
  },
): Promise<void> {
  try {
    await deps.services.whenLoaded(deps.shutdown)
    await delay(NODES_GRACE_MS, undefined, { signal: deps.shutdown })
  } catch {
    // The agent stops.
    return
  }
  if (deps.nodes.node(nodeName) !== undefined) return
  deps.logger.warn(
    'the cluster has no Node of this name, so no endpoint counts as local: set nodeName in the config, or NODE_NAME',
    { node: nodeName },
  )
}
