import type { Interfaces } from '../own-reach/interfaces.ts'
import type { DefaultRoute } from './default-routes.ts'

const MAX_UPLINKS = 3

/**
 * This host's IPv4 addresses on its other ways to the internet: those that the kernel does not take by itself. Empty on
 * nearly every host, as it has one default route.
 *
 * @param routes - the one that the kernel takes first
 */
export function otherUplinks(routes: readonly DefaultRoute[], interfaces: Interfaces): readonly string[] {
  const [inUse, ...others] = routes
  const devices = new Set(others.map(({ device }) => device).filter((device) => device !== inUse?.device))
  return [...devices]
    .map((device) => interfaces[device]?.find(({ family }) => family === 'IPv4')?.address)
    .filter((address) => address !== undefined)
    .slice(0, MAX_UPLINKS)
}
