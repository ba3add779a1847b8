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
  readonly services: Pick<ServiceDirectory, 'lookup' | 'servicePort'>
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
    const server = await listenTcp(address, (socket) =>
      deps.onConnection(socket, listener.#servicePortOf(socket)),
    )
    server.on('error', deps.onFatal)
    listener.#server = server
    listener.#address = addressOf(server)
    return listener
  }

  listener(name: ServicePortName): ListenerAddress | undefined {
    return this.#deps.services.servicePort(name)?.protocol === 'TCP' ? this.#address : undefined
  }

  /** Answers change only with the directory, which the reader watches anyway. */
  watch(): Disposable {
    return { [Symbol.dispose]: () => {} }
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
