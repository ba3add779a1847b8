import type { Server, Socket } from 'node:net'
import {
  IP_FAMILIES,
  type IpFamily,
  type ListenerAddress,
  type ListenerDirectory,
  type ServiceDirectory,
  type ServicePortName,
} from '@edgeway/core'
import type { PrepareServer } from '../kernel/inherited-options.ts'
import type { ReadOriginalDestination } from '../kernel/original-destination.ts'
import { calledPort } from './called-port.ts'
import type { CalledPort, Interceptor, NodeAddresses, OnConnection } from './interceptor.ts'
import { addressOf, listenTcp, stopAccepting } from './tcp-server.ts'

export interface SharedListenerDeps {
  readonly services: Pick<ServiceDirectory, 'lookup' | 'lookupNodePort' | 'servicePort' | 'watch'>
  readonly readOriginalDestination: ReadOriginalDestination
  /** For all of its connections at once. */
  readonly prepare: PrepareServer | undefined
  readonly onConnection: OnConnection
  onFatal(error: Error): void
}

interface Listening {
  readonly server: Server
  readonly address: ListenerAddress
}

/** One listener of each family for all ServicePorts; the kernel tells where each connection was going to. */
export class SharedListener implements Interceptor, ListenerDirectory {
  readonly listeners: ListenerDirectory = this
  readonly #deps: SharedListenerDeps
  readonly #listening = new Map<IpFamily, Listening>()

  private constructor(deps: SharedListenerDeps) {
    this.#deps = deps
  }

  /** @throws {Error} when an address can't be bound */
  static async start(
    { addresses, port }: { readonly addresses: NodeAddresses; readonly port: number },
    deps: SharedListenerDeps,
  ): Promise<SharedListener> {
    const listener = new SharedListener(deps)
    try {
      for (const family of IP_FAMILIES) {
        const ip = addresses[family]
        if (ip !== undefined) await listener.#listen(family, { ip, port })
      }
    } catch (error) {
      await listener[Symbol.asyncDispose]()
      throw error
    }
    return listener
  }

  listener(name: ServicePortName, family: IpFamily): ListenerAddress | undefined {
    if (this.#deps.services.servicePort(name)?.protocol !== 'TCP') return undefined
    return this.#listening.get(family)?.address
  }

  /** Answers change with the directory: a ServicePort comes or goes, the listener is the same for all. */
  watch(listener: (changed: ServicePortName) => void): Disposable {
    return this.#deps.services.watch(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { server } of this.#listening.values()) stopAccepting(server)
    this.#listening.clear()
  }

  async #listen(family: IpFamily, wanted: ListenerAddress): Promise<void> {
    const { onConnection, prepare, onFatal } = this.#deps
    const server = await listenTcp(wanted, {
      onSocket: (socket) => onConnection(socket, this.#calledBy(socket, family)),
      prepare,
      onFatal,
    })
    this.#listening.set(family, { server, address: addressOf(server) })
  }

  #calledBy(socket: Socket, family: IpFamily): CalledPort | undefined {
    const { services, readOriginalDestination } = this.#deps
    const destination = readOriginalDestination(socket, family)
    const listening = this.#listening.get(family)
    if (destination === undefined || listening === undefined) return undefined
    return calledPort(destination, listening.address, services)
  }
}
