/** `agent-main.ts ORDER`: metadata alone, as an agent has it; tells its parent over IPC what it knows. */
import { formatEndpoint, type NodeName, type ServiceDirectory } from '@edgeway/core'
import { DEFAULT_METADATA_OPTIONS, Metadata } from '@edgeway/metadata'
import type { AgentMessage, AgentOrder, AgentQuestion, PortViews } from './agent-messages.ts'
import { LightDeps } from './light-deps.ts'

const POLL_MS = 20

const order = JSON.parse(process.argv[2] ?? '') as AgentOrder
const deps = new LightDeps()
const { url, storeFile, nodeName } = order
const { services } = await Metadata.start(
  {
    ...DEFAULT_METADATA_OPTIONS,
    source: { kind: 'metaserver', url },
    storeFile,
  },
  Object.assign(deps, { nodeName: nodeName as NodeName }),
)
const startedAtMs = performance.now()
tell({ type: 'started', atMs: startedAtMs, view: viewOf(services), warnings: [...deps.warnings] })

services.watch((name) => {
  if (services.endpoints(name).some(({ ready }) => !ready))
    tell({ type: 'unready', atMs: performance.now(), name })
})
const polling = setInterval(tellIfComplete, POLL_MS)
tellIfComplete()

process.on('message', (question: AgentQuestion) => {
  if (question === 'view') tell({ type: 'view', view: viewOf(services) })
  else tellMemory()
})
// Whoever asked is gone.
process.on('disconnect', () => process.exit())

function tellIfComplete(): void {
  const ports = [...services.servicePorts()]
  if (ports.length < order.complete.ports) return
  const endpoints = ports.reduce((sum, { name }) => sum + services.endpoints(name).length, 0)
  if (endpoints < order.complete.endpoints) return
  clearInterval(polling)
  tell({ type: 'complete', atMs: performance.now() })
}

function tellMemory(): void {
  globalThis.gc?.()
  const { heapUsed, external, rss } = process.memoryUsage()
  tell({ type: 'memory', heapBytes: heapUsed + external, rssBytes: rss })
}

function viewOf(directory: ServiceDirectory): PortViews {
  return [...directory.servicePorts()].map(({ name, clusterIps, port }) => ({
    name,
    address: `${clusterIps[0]}:${port}`,
    endpoints: directory.endpoints(name).map((endpoint) => ({
      text: formatEndpoint(endpoint),
      ready: endpoint.ready,
    })),
  }))
}

function tell(message: AgentMessage): void {
  process.send?.(message)
}
