import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { Component, ComponentDeps, Counter, Logger } from '@edgeway/core'
import { type RunCommand, runCommand } from '../command/run-command.ts'
import { BridgeDevice } from './bridge-device.ts'

export interface NodeDeviceOptions {
  /** Name of the network device, at most 15 characters. */
  readonly name: string
  /** IPv4 address of the agent on this node, where DNS and traffic listen. The same on every node. */
  readonly address: string
  /** Further addresses of the device, in canonical text; IPv6 ones are left out where the kernel has no IPv6. */
  readonly addresses: readonly string[]
  /** How often the device is looked at, and repaired where somebody changed or removed it. */
  readonly checkIntervalMs: number
}

export const DEFAULT_NODE_DEVICE_OPTIONS: NodeDeviceOptions = {
  name: 'edgeway0',
  address: '169.254.96.16',
  addresses: ['fd00:e::16'],
  checkIntervalMs: 5_000,
}

export interface NodeDeviceDeps extends ComponentDeps {
  /** Runs `ip` in this process's own network namespace, unless given. */
  readonly run?: RunCommand
  /** The addresses that a device has now; asks this process's own network namespace, unless given. */
  readonly addressesOf?: (device: string) => readonly string[]
}

/**
 * The device that carries the agent's own addresses: a bridge without ports, which unlike `dummy` needs no kernel
 * module that a node with pods lacks. One that a crash left is brought in order and used again; what others take away
 * from it comes back, and with it the sockets that listen there.
 */
export class NodeDevice implements Component {
  readonly name: string
  /** The IPv4 address that it was given by the options. */
  readonly address: string
  /** The first of its IPv6 addresses; `undefined` when it has none. */
  readonly address6: string | undefined
  /** All that it has, those of IPv4 first. */
  readonly addresses: readonly string[]
  readonly #bridge: BridgeDevice
  readonly #addressesOf: (device: string) => readonly string[]
  readonly #logger: Logger
  readonly #repairs: Counter<never>
  readonly #stopping = new AbortController()
  readonly #watching: Promise<void>
  #failing = false
  #removed: Promise<void> | undefined

  private constructor(
    { name, address, checkIntervalMs }: NodeDeviceOptions,
    addresses: readonly string[],
    deps: NodeDeviceDeps,
  ) {
    this.name = name
    this.address = address
    this.addresses = [...addresses.filter((one) => !isIPv6(one)), ...addresses.filter((one) => isIPv6(one))]
    this.address6 = addresses.find((one) => isIPv6(one))
    this.#bridge = new BridgeDevice(name, deps.run ?? runCommand)
    this.#addressesOf = deps.addressesOf ?? addressesOfDevice
    this.#logger = loggerOf(deps, name)
    this.#repairs = deps.metrics.counter({
      name: 'edgeway_proxier_device_repairs_total',
      help: 'How often the node device or one of its addresses was gone and was brought back.',
    })
    this.#watching = this.#watch(checkIntervalMs, this.#stopping.signal)
  }

  /**
   * @throws {DeviceConflictError} when a device of that name exists and is no bridge, or one with ports: it is left
   *   alone
   * @throws {CommandError} when the kernel refuses
   */
  static async start(options: NodeDeviceOptions, deps: NodeDeviceDeps): Promise<NodeDevice> {
    const bridge = new BridgeDevice(options.name, deps.run ?? runCommand)
    const ensured = await bridge.ensure([options.address, ...options.addresses])
    const { addresses, leftOut, reused } = ensured
    const logger = loggerOf(deps, options.name)
    if (leftOut.length > 0)
      logger.info('the kernel of this node has IPv6 switched off: the agent has no address of it', {
        leftOut,
      })
    logger.info('node device is up', { addresses, reused })
    return new NodeDevice(options, addresses, deps)
  }

  /** Removes the device. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#removed ??= this.#remove()
    return this.#removed
  }

  async #remove(): Promise<void> {
    this.#stopping.abort()
    await this.#watching
    try {
      if (await this.#bridge.remove()) return
      this.#logger.warn('node device was removed by somebody else before')
    } catch (error) {
      this.#logger.error('node device could not be removed', { error })
    }
  }

  async #watch(intervalMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await delay(intervalMs, undefined, { signal }).catch(() => {})
      if (!signal.aborted) await this.#look()
    }
  }

  async #look(): Promise<void> {
    const present = this.#addressesOf(this.name)
    if (this.addresses.every((address) => present.includes(address))) {
      this.#failing = false
      return
    }
    try {
      await this.#repair()
      this.#failing = false
    } catch (error) {
      if (!this.#failing) this.#logger.error('node device is damaged and can not be repaired', { error })
      this.#failing = true
    }
  }

  async #repair(): Promise<void> {
    const { changed, leftOut } = await this.#bridge.ensure(this.addresses)
    if (changed) {
      this.#repairs.add({})
      this.#logger.warn('node device was damaged by somebody else and is repaired')
    }
    if (leftOut.length > 0) throw new Error(`IPv6 was switched off: ${leftOut.join(', ')} is gone`)
  }
}

function loggerOf({ logger }: ComponentDeps, device: string): Logger {
  return logger.child({ component: 'proxier', device })
}

/** Empty also for a device that has no carrier, as a bridge is that once had a port: a closer look finds it in order. */
function addressesOfDevice(device: string): readonly string[] {
  return (networkInterfaces()[device] ?? []).map(({ address }) => address)
}
