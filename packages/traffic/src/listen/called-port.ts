import type { ListenerAddress, ServiceDirectory } from '@edgeway/core'
import type { Destination } from '../kernel/original-destination.ts'
import type { CalledPort } from './interceptor.ts'

/**
 * The ServicePort that a redirected connection was going to: one with that address, else one with that node port. The
 * rules redirect a node port only at addresses of this node, so its address is not looked at.
 *
 * @param listener - where the connection arrived
 * @returns `undefined` when no ServicePort explains the connection; one that was going to the listener itself was not
 *   redirected, whatever node port has the same number
 */
export function calledPort(
  destination: Destination,
  listener: ListenerAddress,
  services: Pick<ServiceDirectory, 'lookup' | 'lookupNodePort'>,
): CalledPort | undefined {
  const { ip, port } = destination
  if (ip === listener.ip && port === listener.port) return undefined
  const byAddress = services.lookup(ip, port, 'TCP')
  if (byAddress !== undefined)
    return {
      servicePort: byAddress,
      scope: byAddress.clusterIps.includes(ip) ? 'internal' : 'external',
      destination,
    }
  const byNodePort = services.lookupNodePort(port, 'TCP')
  return byNodePort === undefined ? undefined : { servicePort: byNodePort, scope: 'external', destination }
}
