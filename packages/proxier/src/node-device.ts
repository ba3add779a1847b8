import { isIPv6 } from 'node:net'
import type { Component, ComponentDeps, Logger } from '@edgeway/core'
import { DeviceConflictError } from './errors.ts'
import { failureOf, mustRun, type RunCommand, runCommand } from './run-command.ts'

export interface NodeDeviceOptions {
  /** Name of the network device, at most 15 characters. */
  readonly name: string
  /** IPv4 address of the agent on this node, where DNS and traffic listen. The same on every node. */
  readonly address: string
  /** Further addresses of the device, IPv4 or IPv6, e.g. a ULA. */
  readonly addresses: readonly string[]
}

export const DEFAULT_NODE_DEVICE_OPTIONS: NodeDeviceOptions = {
  name: 'edgeway0',
  address: '169.254.96.16',
  addresses: [],
}

export interface NodeDeviceDeps extends ComponentDeps {
  /** Runs `ip` in this process's own network namespace, unless given. */
  readonly run?: RunCommand
}

/**
 * The device that carries the agent's own addresses: a bridge without ports, which unlike `dummy` needs no kernel
 * module that a node with pods lacks. One that a crash left is brought in order and used again.
 */
export class NodeDevice implements Component {
  readonly name: string
  readonly address: string
  readonly #run: RunCommand
  readonly #logger: Logger
  #removed: Promise<void> | undefined

  private constructor(options: NodeDeviceOptions, deps: NodeDeviceDeps) {
    this.name = options.name
    this.address = options.address
    this.#run = deps.run ?? runCommand
    this.#logger = deps.logger.child({ component: 'proxier', device: options.name })
  }

  /**
   * @throws {DeviceConflictError} when a device of that name exists and is no bridge, or one with ports: it is left
   *   alone
   * @throws {CommandError} when the kernel refuses
   */
  static async start(options: NodeDeviceOptions, deps: NodeDeviceDeps): Promise<NodeDevice> {
    const device = new NodeDevice(options, deps)
    const found = await device.#find()
    if (found !== undefined) await device.#refuseForeign(found)
    try {
      if (found === undefined) await device.#ip('link', 'add', options.name, 'type', 'bridge')
      await device.#setAddresses([options.address, ...options.addresses], found?.addresses ?? [])
      await device.#ip('link', 'set', options.name, 'up')
    } catch (error) {
      await device[Symbol.asyncDispose]()
      throw error
    }
    device.#logger.info('node device is up', { address: options.address, reused: found !== undefined })
    return device
  }

  /** Removes the device. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#removed ??= this.#remove()
    return this.#removed
  }

  async #remove(): Promise<void> {
    try {
      await this.#ip('link', 'delete', this.name)
    } catch (error) {
      this.#logger.error('node device could not be removed', { error })
    }
  }

  async #refuseForeign({ type }: FoundDevice): Promise<void> {
    if (type !== 'bridge') throw new DeviceConflictError(this.name, `is of type ${type}, not bridge`)
    const ports = await this.#ports()
    if (ports.length > 0) throw new DeviceConflictError(this.name, `has ports: ${ports.join(', ')}`)
  }

  async #setAddresses(wanted: readonly string[], found: readonly string[]): Promise<void> {
    const prefixes = [...new Set(wanted.map(hostPrefix))]
    for (const prefix of found.filter((one) => !prefixes.includes(one)))
      await this.#ip('address', 'delete', prefix, 'dev', this.name)
    for (const prefix of prefixes.filter((one) => !found.includes(one)))
      await this.#ip('address', 'add', prefix, 'dev', this.name, ...flagsFor(prefix))
  }

  async #find(): Promise<FoundDevice | undefined> {
    const command = ['ip', '-json', '-details', 'address', 'show', 'dev', this.name]
    const result = await this.#run(command)
    if (result.code === 0) return parseDevice(result.stdout)
    if (result.stderr.includes('does not exist')) return undefined
    throw failureOf(command, result)
  }

  async #ports(): Promise<readonly string[]> {
    const links: readonly { readonly ifname?: string }[] = JSON.parse(
      await this.#ip('-json', 'link', 'show', 'master', this.name),
    )
    // Some versions of ip write an empty object for each link that they leave out.
    return links.flatMap(({ ifname }) => (ifname === undefined ? [] : [ifname]))
  }

  #ip(...args: readonly string[]): Promise<string> {
    return mustRun(this.#run, ['ip', ...args])
  }
}

interface FoundDevice {
  readonly type: string
  /** With prefix length; without the link-local one that the kernel gives each device. */
  readonly addresses: readonly string[]
}

/** Reads what `ip -json -details address show dev NAME` writes. */
function parseDevice(text: string): FoundDevice {
  const [device] = JSON.parse(text) as readonly {
    readonly linkinfo?: { readonly info_kind?: string }
    readonly addr_info: readonly { family: string; local: string; prefixlen: number; scope: string }[]
  }[]
  return {
    type: device?.linkinfo?.info_kind ?? 'physical',
    addresses: (device?.addr_info ?? [])
      .filter(({ family, scope }) => family === 'inet' || scope !== 'link')
      .map(({ local, prefixlen }) => `${local}/${prefixlen}`),
  }
}

function hostPrefix(address: string): string {
  return isIPv6(address) ? `${address}/128` : `${address}/32`
}

/** Duplicate address detection needs a port with a carrier; until it is done, nothing can bind the address. */
function flagsFor(prefix: string): readonly string[] {
  return prefix.includes(':') ? ['nodad'] : []
}
