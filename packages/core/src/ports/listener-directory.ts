import type { IpFamily } from '../model/ip-family.ts'
import type { ServicePortName } from '../model/service.ts'

/** An address of this node on which the agent accepts connections or datagrams for a ServicePort. */
export interface ListenerAddress {
  readonly ip: string
  readonly port: number
}

/**
 * Which listeners of the agent are up. The proxier redirects a ServicePort only to a listener found here, so that
 * nothing is ever redirected into a hole. Implemented by traffic, whose listeners forward to endpoints, and by dns, whose
 * listeners answer for the cluster's DNS.
 */
export interface ListenerDirectory {
  /** Where connections or datagrams of that family for the ServicePort are accepted now; `undefined` while nobody does. */
  listener(name: ServicePortName, family: IpFamily): ListenerAddress | undefined

  /** Calls `listener` after each change of an answer, until the subscription is disposed. */
  watch(listener: (changed: ServicePortName) => void): Disposable
}
