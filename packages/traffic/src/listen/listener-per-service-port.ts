import {
  type IpFamily,
  ipFamilyOf,
  type ListenerAddress,
  type ListenerDirectory,
  type Logger,
  type ServiceDirectory,
  type ServicePort,
  type ServicePortName,
} from '@edgeway/core'
import type { CalledPort, Interceptor, OnConnection } from './interceptor.ts'
import { PortListener } from './port-listener.ts'
import {
  callableFamilies,
  ServicePortListeners,
  type ServicePortListenersOptions,
} from './service-port-listeners.ts'

export type ListenerPerServicePortOptions = ServicePortListenersOptions

export interface ListenerPerServicePortDeps {
  readonly services: Pick<ServiceDirectory, 'servicePorts' | 'servicePort' | 'watch'>
  readonly onConnection: OnConnection
  readonly logger: Logger
  onFatal(error: Error): void
}

/**
 * Listeners of its own for each TCP ServicePort, one in each family that clients may call it in, on ports that the
 * kernel chooses and that stay as long as the ServicePort exists. For nodes where the original destination can't be
 * read. Which address was called stays unknown: every connection counts as one to a ClusterIP, for which the
 * internal traffic policy holds.
 */
export class ListenerPerServicePort implements Interceptor, ListenerDirectory {
  readonly listeners: ListenerDirectory = this
  readonly #listeners: ServicePortListeners<PortListener>

  private constructor(listeners: ServicePortListeners<PortListener>) {
    this.#listeners = listeners
  }

  static async start(
    options: ListenerPerServicePortOptions,
    deps: ListenerPerServicePortDeps,
  ): Promise<ListenerPerServicePort> {
    const { services, logger } = deps
    const listeners = await ServicePortListeners.start(options, {
      services,
      logger,
      familiesOf: (servicePort) => callableFamilies(servicePort, 'TCP'),
      listenerFor: (name, family) => listenerFor(name, family, deps),
    })
    return new ListenerPerServicePort(listeners)
  }

  listener(name: ServicePortName, family: IpFamily): ListenerAddress | undefined {
    return this.#listeners.listener(name, family)
  }

  watch(watcher: (changed: ServicePortName) => void): Disposable {
    return this.#listeners.watch(watcher)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listeners[Symbol.asyncDispose]()
  }
}

function listenerFor(
  name: ServicePortName,
  family: IpFamily,
  { services, onConnection, onFatal }: ListenerPerServicePortDeps,
): PortListener {
  return new PortListener({
    onSocket: (socket, isRetired) => {
      const servicePort = isRetired ? undefined : services.servicePort(name)
      onConnection(socket, servicePort && calledAt(servicePort, family))
    },
    onFatal,
  })
}

/** Nobody tells which address was called: it may have been its first one. */
function calledAt(servicePort: ServicePort, family: IpFamily): CalledPort {
  const { clusterIps, externalIps, port } = servicePort
  const ip = [...clusterIps, ...externalIps].find((one) => ipFamilyOf(one) === family) ?? ''
  return { servicePort, scope: 'internal', destination: { ip, port } }
}
