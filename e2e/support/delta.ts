import { type Mesh, startHttpEcho } from '@edgeway/testbed'
import { answeredBy, callUntil } from './call.ts'
import { applyServices } from './services.ts'
import { clientOf, POD_PORT } from './two-sites.ts'

/** Beside edge-1, on the LAN of site-a; delta runs there. */
export const NEIGHBOUR = {
  name: 'edge-3',
  address: '192.168.1.30',
  podSubnet: '10.244.3.0/24',
  pods: [{ name: 'delta', namespace: 'apps', address: '10.244.3.11' }],
}

export const DELTA = { namespace: 'apps', name: 'delta', clusterIp: '10.96.0.41', port: 80 }
export const DELTA_URL = 'http://delta.apps/'

/** Starts the pod and its Service on edge-3, and calls it from edge-1 until it answers. */
export async function startDelta(mesh: Mesh): Promise<void> {
  const pod = mesh.lab.pod('delta')
  await startHttpEcho(pod, { port: POD_PORT })
  const endpoints = [{ ip: pod.address, node: NEIGHBOUR.name }]
  await applyServices(mesh, [{ ...DELTA, targetPort: POD_PORT, endpoints }])
  await callUntil(clientOf(mesh, 'edge-1'), DELTA_URL, answeredBy('delta'))
}
