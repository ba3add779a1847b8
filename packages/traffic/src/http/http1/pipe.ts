import type { EndpointAddress, Path } from '@edgeway/core'
import type { Metering } from '../../account/byte-meter.ts'
import type { Relay } from '../../relay/relay-engine.ts'

/** A connection that is no longer HTTP's: its bytes go to an endpoint, and back, as they are. */
export interface Pipe {
  readonly joined: Relay
  readonly metering: Metering
  readonly endpoint: EndpointAddress
  readonly path: Path
}
