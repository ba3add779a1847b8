import type { IncomingMessage } from 'node:http'
import { StatusError } from '../../api-double/status-error.ts'
import type { CompatTraits } from '../faults/compat.ts'
import type { SecureOptions } from '../options.ts'
import type { Place, Resource } from '../resource.ts'
import { isDiscovery } from './route.ts'

export interface Guard {
  readonly traits: CompatTraits
  readonly options: { readonly secure: SecureOptions | undefined }
  readonly isDenied: (resource: Resource) => boolean
}

/**
 * In secure mode, lets in who brings a token that the node knows; everybody may ask for discovery. Anybody may do
 * everything otherwise.
 *
 * @throws {StatusError} `Unauthorized`, or `Forbidden` for a resource that was denied
 */
export function authorizeRequest(
  { headers }: Pick<IncomingMessage, 'headers'>,
  { path, place }: { readonly path: string; readonly place: Place | undefined },
  { traits, options: { secure }, isDenied }: Guard,
): void {
  if (secure === undefined) return
  const [, token] = /^Bearer (.+)$/i.exec(headers.authorization ?? '') ?? []
  const isAnonymous = token === undefined && isDiscovery(path, traits)
  if (!isAnonymous && !secure.tokens.includes(token ?? ''))
    throw new StatusError({ reason: 'Unauthorized', message: 'Unauthorized', code: 401 })
  if (place !== undefined && isDenied(place))
    throw new StatusError('Forbidden', `${place.resource} is forbidden: not allowed by ServiceAccountAccess`)
}
