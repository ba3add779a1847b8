import type { EndpointAddress, ServicePortName } from '@edgeway/core'

/** Where it is told how endpoints answer. */
export interface StatusReports {
  /**
   * Once for each try that an endpoint got: the status of its response, whether the client gets that or not; 502 where it broke
   * the connection before, 504 where it took longer than a try may.
   */
  responded(service: ServicePortName, endpoint: EndpointAddress, status: number): void
}
