import { isIPv6 } from 'node:net'
import { failureOf, mustRun, type RunCommand } from '../command/run-command.ts'
import { DeviceConflictError } from '../errors.ts'

/** How `BridgeDevice.ensure` found and left the device. */
export interface EnsuredDevice {
  /** Whether there was one already. */
  readonly reused: boolean
  /** Whether something had to be done. */
  readonly changed: boolean
  /** The wanted addresses that it has. */
  readonly addresses: readonly string[]
  /** Wanted addresses that it can't have: the kernel has IPv6 switched off. */
  readonly leftOut: readonly string[]
}

/** A bridge without ports, by the `ip` command: what the agent's own network device is made of. */
export class BridgeDevice {
  readonly #name: string
  readonly #run: RunCommand

  constructor(name: string, run: RunCommand) {
    this.#name = name
    this.#run = run
  }

  /**
   * Makes the device, or brings one that is there already in order: up, with exactly these addresses.
   *
   * @throws {DeviceConflictError} when a device of that name exists and is no bridge, or one with ports: it is left
   *   alone
   * @throws {CommandError} when the kernel refuses; a device that was made for this is removed again
   */
  async ensure(wanted: readonly string[]): Promise<EnsuredDevice> {
    const found = await this.#find()
    if (found !== undefined) return this.#bringInOrder(wanted, found)
    await this.#ip('link', 'add', this.#name, 'type', 'bridge')
    try {
      return await this.#bringInOrder(wanted, undefined)
    } catch (error) {
      await this.#run(['ip', 'link', 'delete', this.#name])
      throw error
    }
  }

  /**
   * Removes the device.
   *
   * @returns whether there was one
   * @throws {DeviceConflictError} when it is somebody else's, as for `ensure`
   * @throws {CommandError} when the kernel refuses
   */
  async remove(): Promise<boolean> {
    const found = await this.#find()
    if (found === undefined) return false
    await this.#refuseForeign(found)
    await this.#ip('link', 'delete', this.#name)
    return true
  }

  async #bringInOrder(wanted: readonly string[], found: FoundDevice | undefined): Promise<EnsuredDevice> {
    if (found !== undefined) await this.#refuseForeign(found)
    const addresses = [...new Set(wanted)]
    const removed = await this.#removeOthers(addresses, found?.addresses ?? [])
    const missing = addresses.filter((address) => !found?.addresses.includes(hostPrefix(address)))
    const leftOut: string[] = []
    for (const address of missing) if (!(await this.#add(address))) leftOut.push(address)
    if (found?.isUp !== true) await this.#ip('link', 'set', this.#name, 'up')
    return {
      reused: found !== undefined,
      changed: found?.isUp !== true || removed || missing.length > leftOut.length,
      addresses: addresses.filter((address) => !leftOut.includes(address)),
      leftOut,
    }
  }

  async #removeOthers(wanted: readonly string[], found: readonly string[]): Promise<boolean> {
    const prefixes = wanted.map(hostPrefix)
    const others = found.filter((prefix) => !prefixes.includes(prefix))
    for (const prefix of others) await this.#ip('address', 'delete', prefix, 'dev', this.#name)
    return others.length > 0
  }

  /** @returns `false` when the kernel has IPv6 switched off, for this device or altogether */
  async #add(address: string): Promise<boolean> {
    // Duplicate address detection needs a port with a carrier; until it is done, nothing can bind the address.
    const flags = isIPv6(address) ? ['nodad'] : []
    const command = ['ip', 'address', 'add', hostPrefix(address), 'dev', this.#name, ...flags]
    const result = await this.#run(command)
    if (result.code === 0) return true
    if (isIPv6(address) && IPV6_IS_OFF.test(result.stderr)) return false
    throw failureOf(command, result)
  }

  async #refuseForeign({ type }: FoundDevice): Promise<void> {
    if (type !== 'bridge') throw new DeviceConflictError(this.#name, `is of type ${type}, not bridge`)
    const ports = await this.#ports()
    if (ports.length > 0) throw new DeviceConflictError(this.#name, `has ports: ${ports.join(', ')}`)
  }

  async #find(): Promise<FoundDevice | undefined> {
    const command = ['ip', '-json', '-details', 'address', 'show', 'dev', this.#name]
    const result = await this.#run(command)
    if (result.code === 0) return parseDevice(result.stdout)
    if (result.stderr.includes('does not exist')) return undefined
    throw failureOf(command, result)
  }

  async #ports(): Promise<readonly string[]> {
    const links: readonly { readonly ifname?: string }[] = JSON.parse(
      await this.#ip('-json', 'link', 'show', 'master', this.#name),
    )
    // Some versions of ip write an empty object for each link that they leave out.
    return links.flatMap(({ ifname }) => (ifname === undefined ? [] : [ifname]))
  }

  #ip(...args: readonly string[]): Promise<string> {
    return mustRun(this.#run, ['ip', ...args])
  }
}

/**
 * What `ip` says where sysctl `disable_ipv6` is 1 (the second one before Linux 5.14), and where there is no IPv6 at all.
 * Without the right to change anything it says "not permitted".
 */
const IPV6_IS_OFF = /IPv6 is disabled|Permission denied|not supported/

interface FoundDevice {
  readonly type: string
  readonly isUp: boolean
  /** With prefix length; without the link-local one that the kernel gives each device. */
  readonly addresses: readonly string[]
}

/** Reads what `ip -json -details address show dev NAME` writes. */
function parseDevice(text: string): FoundDevice {
  const [device] = JSON.parse(text) as readonly {
    readonly flags?: readonly string[]
    readonly linkinfo?: { readonly info_kind?: string }
    readonly addr_info: readonly { family: string; local: string; prefixlen: number; scope: string }[]
  }[]
  return {
    type: device?.linkinfo?.info_kind ?? 'physical',
    isUp: device?.flags?.includes('UP') ?? false,
    addresses: (device?.addr_info ?? [])
      .filter(({ family, scope }) => family === 'inet' || scope !== 'link')
      .map(({ local, prefixlen }) => `${local}/${prefixlen}`),
  }
}

function hostPrefix(address: string): string {
  return isIPv6(address) ? `${address}/128` : `${address}/32`
}
