import { EdgewayError } from '@edgeway/core'

/** A command is about the cluster of a tunnel server, and there is none where the config says that it is kept. */
export class NoClusterError extends EdgewayError {
  override readonly name = 'NoClusterError'
  readonly code = 'ERR_NO_CLUSTER'

  /** @param place - of the stored value */
  constructor(place: string) {
    super(`there is no cluster in ${place}: a tunnel server with this config makes it at its first start`)
  }
}
