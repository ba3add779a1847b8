import { EdgewayError, type ServicePortName } from '@edgeway/core'

/** A Service exists but nothing can serve it now. Retrying is sensible once the directory changes. */
export class NoEndpointsError extends EdgewayError {
  override readonly name = 'NoEndpointsError'
  readonly code = 'ERR_NO_ENDPOINTS'
  readonly service: ServicePortName

  constructor(service: ServicePortName) {
    super(`no ready endpoint for ${service}`)
    this.service = service
  }
}
