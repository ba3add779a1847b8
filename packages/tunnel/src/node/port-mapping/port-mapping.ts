import type { Logger } from '@edgeway/core'
import { isPublic, toMultiaddr } from '../../addresses.ts'
import type { TunnelMetrics } from '../../metrics.ts'
import { InterfaceReader, podNetworkAddresses } from '../own-reach/interfaces.ts'
import { readDefaultRoutes } from '../uplinks/default-routes.ts'
import { mappablePort } from './mappable-port.ts'
import { NatPmp } from './nat-pmp.ts'
import {
  type FailedMapping,
  failed,
  type Gateway,
  type GrantedMapping,
  MAPPING_PROTOCOLS,
  type MappingProtocol,
  type PortMapper,
} from './port-mapper.ts'
import { Upnp } from './upnp.ts'

export interface PortMappingTiming {
  /** What is asked for; renewed at half of it. Short, so that what a killed agent leaves is soon gone. */
  readonly lifetimeSeconds: number
  /** Renewals don't come faster, whatever the router grants. */
  readonly minRenewMs: number
  /** After a first failure; doubled with each further one. */
  readonly retryMs: number
  readonly maxRetryMs: number
}

export const PORT_MAPPING_TIMING: PortMappingTiming = {
  lifetimeSeconds: 1_200,
  minRenewMs: 30_000,
  retryMs: 60_000,
  maxRetryMs: 3_600_000,
}

export interface PortMappingDeps {
  /** The multiaddrs that this node listens at. */
  listening(): ReadonlySet<string>
  readonly metrics: Pick<TunnelMetrics, 'portMappings' | 'portMappingFailures'>
  readonly logger: Logger
  readonly timing?: PortMappingTiming | undefined
  /** The kernel's, unless a test says otherwise. */
  readonly gateway?: (() => Promise<Gateway | undefined>) | undefined
  readonly mappersOf?: ((gateway: Gateway) => readonly PortMapper[]) | undefined
}

interface Held {
  readonly gateway: Gateway
  readonly mapper: PortMapper
  readonly internalPort: number
  readonly externalPort: number
  /** `host:port` as a multiaddr. */
  readonly address: string
  readonly since: Date
}

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'mapped'; readonly held: Held }
  | (FailedMapping & { readonly gateway: Gateway | undefined; readonly attempts: number })

const REMOVAL_MS = 2_000

/**
 * Has the router of this node's LAN map a public port to the tunnel's, where it offers that (NAT-PMP, UPnP) and this node
 * has no public address. The mapping is renewed at half its life, asked for anew when it is lost, and removed at the end.
 * Costs nothing while no router offers it but an attempt at each wake, and a few datagrams an hour.
 *
 * What a router says is not believed blindly: answers are bounded, only those of the gateway count, and who dials the
 * address finds out whether this node answers there.
 */
export class PortMapping implements AsyncDisposable {
  readonly #deps: PortMappingDeps
  readonly #timing: PortMappingTiming
  readonly #interfaces = new InterfaceReader()
  readonly #listeners = new Set<() => void>()
  readonly #end = new AbortController()
  #state: State = { kind: 'idle' }
  #mappers: { readonly gateway: Gateway; readonly list: readonly PortMapper[] } | undefined
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #again = false

  constructor(deps: PortMappingDeps) {
    this.#deps = deps
    this.#timing = deps.timing ?? PORT_MAPPING_TIMING
  }

  /** The multiaddrs that a router maps to this node's listener now. */
  get addresses(): readonly string[] {
    return this.#state.kind === 'mapped' ? [this.#state.held.address] : []
  }

  /** For people. */
  get status(): Readonly<Record<string, unknown>> {
    const state = this.#state
    if (state.kind === 'idle') return { state: 'none' }
    if (state.kind === 'failed') {
      return {
        state: 'none',
        gateway: state.gateway?.ip ?? null,
        reason: state.reason,
        message: state.message,
      }
    }
    const { address, mapper, gateway, since } = state.held
    return {
      state: 'mapped',
      address,
      protocol: mapper.protocol,
      gateway: gateway.ip,
      since: since.toISOString(),
    }
  }

  /** Calls the listener when `addresses` has changed, until disposed. */
  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /** Addresses or ways have changed, this host slept, or the router may have restarted: asks now, also after failures. */
  wake(): void {
    if (this.#end.signal.aborted) return
    if (this.#state.kind === 'failed') this.#state = { ...this.#state, attempts: 0 }
    this.#again = this.#running !== undefined
    if (!this.#again) this.#start()
  }

  /** Removes the mapping, within 2 s. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort(new Error('the tunnel stops'))
    clearTimeout(this.#timer)
    await this.#running
    this.#listeners.clear()
    const state = this.#state
    this.#state = { kind: 'idle' }
    if (state.kind === 'mapped') await this.#remove(state.held)
  }

  #start(): void {
    clearTimeout(this.#timer)
    this.#running = this.#round().finally(() => {
      this.#running = undefined
      if (this.#end.signal.aborted) return
      if (this.#again) this.wake()
    })
  }

  async #round(): Promise<void> {
    try {
      const port = mappablePort(this.#deps.listening(), podNetworkAddresses(this.#interfaces.read()))
      if (port === undefined) await this.#rest()
      else await this.#ask(port)
    } catch (error) {
      if (this.#end.signal.aborted) return
      this.#fail(failed('bad-answer', String(error)), undefined)
    }
  }

  /** Nothing is to be mapped: this node has a public address, or none that others reach. */
  async #rest(): Promise<void> {
    const before = this.#state
    this.#enter({ kind: 'idle' })
    if (before.kind === 'mapped') await this.#remove(before.held)
  }

  async #ask(internalPort: number): Promise<void> {
    const gateway = await (this.#deps.gateway ?? defaultGateway)()
    if (gateway === undefined) return this.#fail(failed('no-gateway', 'no default route by IPv4'), undefined)
    let failure = failed('no-answer', 'nobody answers')
    for (const mapper of this.#mappersOf(gateway)) {
      const answer = await mapper.map(this.#requestOf(internalPort, gateway), this.#end.signal)
      if (answer.kind === 'mapped') return await this.#take(answer, { gateway, mapper, internalPort })
      // What a router says tells more than that it says nothing.
      if (answer.reason !== 'no-answer' || failure.reason === 'no-answer') failure = answer
    }
    this.#fail(failure, gateway)
  }

  /** The protocol that worked comes first. */
  #mappersOf(gateway: Gateway): readonly PortMapper[] {
    if (this.#mappers?.gateway.ip !== gateway.ip) {
      this.#mappers = { gateway, list: (this.#deps.mappersOf ?? mappersOf)(gateway) }
    }
    const inUse = this.#state.kind === 'mapped' ? this.#state.held.mapper : undefined
    return this.#mappers.list.toSorted((a, b) => Number(b === inUse) - Number(a === inUse))
  }

  #requestOf(internalPort: number, gateway: Gateway): Parameters<PortMapper['map']>[0] {
    const held = this.#state.kind === 'mapped' ? this.#state.held : undefined
    const isSame = held?.gateway.ip === gateway.ip && held.internalPort === internalPort
    const { lifetimeSeconds } = this.#timing
    return { internalPort, externalPort: isSame ? held.externalPort : internalPort, lifetimeSeconds }
  }

  async #take(
    { external, lifetimeSeconds }: GrantedMapping,
    by: Pick<Held, 'gateway' | 'mapper' | 'internalPort'>,
  ): Promise<void> {
    const address = toMultiaddr(external.ip, external.port)
    if (!isPublic(address)) {
      await by.mapper.unmap({ ...by, externalPort: external.port }, this.#end.signal)
      const message = `the router is behind a NAT itself: its own address is ${external.ip}`
      return this.#fail(failed('private-address', message), by.gateway)
    }
    const before = this.#state.kind === 'mapped' ? this.#state.held : undefined
    const isSame = before?.address === address.toString()
    const since = isSame ? before.since : new Date()
    const held = { ...by, externalPort: external.port, address: address.toString(), since }
    if (!isSame) {
      const { protocol } = by.mapper
      const fields = { address: held.address, protocol, gateway: by.gateway.ip, port: by.internalPort }
      this.#deps.logger.info('the router maps a public port to this node', fields)
    }
    this.#enter({ kind: 'mapped', held })
    this.#schedule(this.#renewalMs(lifetimeSeconds))
  }

  /** Half of what was granted, of what was asked for at most. */
  #renewalMs(granted: number): number {
    const { lifetimeSeconds, minRenewMs } = this.#timing
    const seconds = granted === 0 ? lifetimeSeconds : Math.min(granted, lifetimeSeconds)
    return Math.max((seconds * 1_000) / 2, minRenewMs)
  }

  #fail(failure: FailedMapping, gateway: Gateway | undefined): void {
    const { metrics, logger } = this.#deps
    const before = this.#state
    const attempts = before.kind === 'failed' ? before.attempts + 1 : 1
    metrics.portMappingFailures.add({ reason: failure.reason })
    const fields = { reason: failure.reason, message: failure.message, gateway: gateway?.ip ?? null }
    if (before.kind === 'mapped') logger.warn('the mapping of a public port to this node is lost', fields)
    else if (before.kind !== 'failed' || before.reason !== failure.reason)
      logger.info('no router maps a public port to this node', fields)
    this.#enter({ ...failure, gateway, attempts })
    const { retryMs, maxRetryMs } = this.#timing
    this.#schedule(Math.min(retryMs * 2 ** (attempts - 1), maxRetryMs))
  }

  #enter(state: State): void {
    const before = this.addresses[0]
    this.#state = state
    const protocol = state.kind === 'mapped' ? state.held.mapper.protocol : undefined
    countMappings(this.#deps.metrics, protocol)
    if (this.addresses[0] === before) return
    for (const listener of this.#listeners) listener()
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#start(), delayMs).unref()
  }

  async #remove({ mapper, internalPort, externalPort }: Held): Promise<void> {
    try {
      await mapper.unmap({ internalPort, externalPort }, AbortSignal.timeout(REMOVAL_MS))
    } catch {
      // It ends by itself, after its lifetime.
    }
    countMappings(this.#deps.metrics, undefined)
  }
}

/** Others would be of no use: answers to what comes in by their routers leave by this one. */
async function defaultGateway(): Promise<Gateway | undefined> {
  const [route] = readDefaultRoutes()
  return route
}

function mappersOf(gateway: Gateway): readonly PortMapper[] {
  return [new NatPmp(gateway), new Upnp(gateway)]
}

function countMappings(
  { portMappings }: PortMappingDeps['metrics'],
  mapped: MappingProtocol | undefined,
): void {
  for (const protocol of MAPPING_PROTOCOLS) portMappings.set({ protocol }, protocol === mapped ? 1 : 0)
}
