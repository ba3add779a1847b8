import { fileURLToPath } from 'node:url'
import type { Topology } from '@edgeway/testbed'

/** A host on the public segment that is no node of the cluster: the internet's DNS server. */
export const RESOLVER = 'resolver'

/** Two sites behind NATs with one and the same LAN subnet, and pods with the same addresses; see `picture.ts`. */
export const TOPOLOGY: Topology = {
  cloud: [
    {
      name: 'cloud',
      address: '45.80.0.10',
      podSubnet: '10.244.0.0/24',
      pods: [
        { name: 'report', namespace: 'hq', address: '10.244.0.10' },
        { name: 'orders', namespace: 'hq', address: '10.244.0.11' },
      ],
    },
    { name: RESOLVER, address: '45.80.0.53' },
  ],
  sites: [
    {
      name: 'factory',
      nat: 'endpoint-independent',
      subnet: '192.168.1.0/24',
      nodes: [
        {
          name: 'edge-1',
          address: '192.168.1.10',
          podSubnet: '10.244.1.0/24',
          pods: [
            { name: 'camera', namespace: 'factory', address: '10.244.1.10' },
            { name: 'sensor', namespace: 'factory', address: '10.244.1.11' },
          ],
        },
      ],
    },
    {
      name: 'shop',
      nat: 'symmetric',
      subnet: '192.168.1.0/24',
      nodes: [
        {
          name: 'edge-2',
          address: '192.168.1.10',
          podSubnet: '10.244.1.0/24',
          pods: [
            { name: 'cashier', namespace: 'shop', address: '10.244.1.10' },
            { name: 'web', namespace: 'shop', address: '10.244.1.11' },
            { name: 'greeter', namespace: 'shop', address: '10.244.1.12' },
          ],
        },
      ],
    },
  ],
}

/** What a user would `kubectl apply`: the nodes, four Services with endpoints and one without. */
export const MANIFESTS = ['nodes', 'sensor', 'web', 'orders', 'idle', 'greeter'].map((name) =>
  fileURLToPath(new URL(`../manifests/${name}.yaml`, import.meta.url)),
)
