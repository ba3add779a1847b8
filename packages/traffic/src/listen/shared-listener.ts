import type { Server, Socket } from 'node:net'
import type {
  ListenerAddress,
  ListenerDirectory,
  ServiceDirectory,
  ServicePort,
  ServicePortName,
} from '@edgeway/core'
import type { ReadOriginalDestination } from '../original-destination.ts'
import type { Interceptor, OnConnection } from './interceptor.ts'
import { addressOf, listenTcp, stopAccepting } from './tcp-server.ts'

export interface SharedListenerDeps {
  readonly services: Pick<ServiceDirectory, 'lookup' | 'servicePort' | 'watch'>
  readonly readOriginalDestination: ReadOriginalDestination
  readonly onConnection: OnConnection
  onFatal(error: Error): void
}

/** One listener for all ServicePorts; the kernel tells where each connection was going to. */
export class SharedListener implements Interceptor, ListenerDirectory {
  readonly listeners: ListenerDirectory = this
  readonly #deps: SharedListenerDeps
  #server: Server | undefined
  #address: ListenerAddress | undefined

  private constructor(deps: SharedListenerDeps) {
    this.#deps = deps
  }

  static async start(address: ListenerAddress, deps: SharedListenerDeps): Promise<SharedListener> {
    const listener = new SharedListener(deps)
    const server = await listenTcp(address, {
      onSocket: (socket) => deps.onConnection(socket, listener.#servicePortOf(socket)),
      onFatal: deps.onFatal,
    })
    listener.#server = server
    listener.#address = addressOf(server)
    return listener
  }

  listener(name: ServicePortName): ListenerAddress | undefined {
    return this.#deps.services.servicePort(name)?.protocol === 'TCP' ? this.#address : undefined
  }

  /** Answers change with the directory: a ServicePort comes or goes, the listener is the same for all. */
  watch(listener: (changed: ServicePortName) => void): Disposable {
    return this.#deps.services.watch(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#address = undefined
    if (this.#server !== undefined) stopAccepting(this.#server)
    this.#server = undefined
  }

  #servicePortOf(socket: Socket): ServicePort | undefined {
    const destination = this.#deps.readOriginalDestination(socket)
    if (destination === undefined) return undefined
    return this.#deps.services.lookup(destination.ip, destination.port, 'TCP')
  }
}
