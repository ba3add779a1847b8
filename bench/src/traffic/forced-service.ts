import type { Mesh } from '@edgeway/testbed'
import { UDP_PORT } from '../probes/udp.ts'

const NAMESPACE = 'bench'
const NAME = 'near-forced'
const POD = 'near'
const NODE = 'edge-1'

/** TCP, for many connections. */
export const IDLE_PORT = 7009

/** Of the Service of the pod on the client's own node that the kernel never carries alone, with what other benches don't ask for. */
export const FORCED_IP = '10.96.0.34'

/** Makes the Service, or leaves it as it is. Its agent hears of it a moment later. */
export async function makeForcedService(mesh: Mesh): Promise<void> {
  const metadata = { namespace: NAMESPACE, name: NAME }
  const ports = [
    { name: 'udp-echo', protocol: 'UDP', port: UDP_PORT },
    { name: 'idle', protocol: 'TCP', port: IDLE_PORT },
  ]
  const endpoint = { addresses: [mesh.lab.pod(POD).address], conditions: { ready: true }, nodeName: NODE }
  await mesh.kubectl.apply(
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...metadata, annotations: { 'edgeway.io/forwarding': 'agent' } },
      spec: { clusterIP: FORCED_IP, ports },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': NAME } },
      addressType: 'IPv4',
      ports,
      endpoints: [endpoint],
    },
  )
}
