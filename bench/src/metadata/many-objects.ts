import type { ObjectStore } from '@edgeway/testbed'
import { type CloudEndpoint, type CloudPort, cloudService, cloudSlice, put } from './cloud-objects.ts'

export const ENDPOINTS_PER_SERVICE = 3
const PORT: CloudPort = { name: 'http', port: 80, targetPort: 8_080 }
const NODE = 'edge-2'

/** Makes Services `bench/s-0`, `bench/s-1`, … with a slice of three endpoints each. */
export function putServices(store: ObjectStore, count: number): void {
  for (let index = 0; index < count; index++) {
    put(store, cloudService(`bench/s-${index}`, address('10.98', index), [PORT]))
    putSlice(store, index, 0)
  }
}

/** Gives the slice of a Service other endpoints than in any other turn. */
export function putSlice(store: ObjectStore, index: number, turn: number): void {
  const endpoints = Array.from({ length: ENDPOINTS_PER_SERVICE }, (_, endpoint): CloudEndpoint => {
    const ip = address(`10.${100 + (turn % 100)}`, index * ENDPOINTS_PER_SERVICE + endpoint)
    return { ip, node: NODE, ready: true }
  })
  put(store, cloudSlice(`bench/s-${index}`, [PORT], endpoints))
}

/** Gives a Service other endpoints than three of another node. */
export function putEndpoints(store: ObjectStore, index: number, endpoints: readonly CloudEndpoint[]): void {
  put(store, cloudSlice(`bench/s-${index}`, [PORT], endpoints))
}

/** `number` as the last two parts of an IPv4 address. */
function address(prefix: string, number: number): string {
  return `${prefix}.${Math.floor(number / 250)}.${(number % 250) + 1}`
}
