import type { EndpointAddress, Path } from '@edgeway/core'
import type { Metering } from '../../account/byte-meter.ts'
import type { Relay } from '../../relay/relay-engine.ts'
import type { RequestHead } from '../message/request-head.ts'

/** A connection that is no longer HTTP's: its bytes go to an endpoint, and back, as they are. */
export interface Pipe {
  readonly joined: Relay
  readonly metering: Metering
  readonly endpoint: EndpointAddress
  readonly path: Path
}

/** HTTP/2 would go past us: its requests are to be seen, too. */
const HTTP2 = 'h2c'

/**
 * Whether that client wants its connection to be a pipe.
 *
 * @param protocols - those that an endpoint switches to; only what the client has named will do (RFC 9110, 7.8)
 */
export function wantsPipe({ upgrade }: Pick<RequestHead, 'upgrade'>, protocols = ''): boolean {
  if (upgrade === undefined) return false
  const wanted = protocolsIn(upgrade)
  return !wanted.includes(HTTP2) && protocolsIn(protocols).every((one) => wanted.includes(one))
}

/** @param list - in lower case */
function protocolsIn(list: string): string[] {
  return list
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
}
