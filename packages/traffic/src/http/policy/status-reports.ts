import type { EndpointAddress, ServicePortName } from '@edgeway/core'

/** Where it is told how endpoints answer. */
export interface StatusReports {
  /** Once for each response that an endpoint gave, and with 504 for each that did not come in the time of a try. */
  responded(service: ServicePortName, endpoint: EndpointAddress, status: number): void
}
