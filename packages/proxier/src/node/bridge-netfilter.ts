import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { IpFamily } from '@edgeway/core'

/**
 * Whether the rules see what one pod answers another one on the same bridge. They must: where the kernel has sent the
 * client's packet to a pod beside it, the answer would else keep that pod's address and be refused.
 *
 * - `not needed`: no pods are on a bridge, yet
 * - `on`: they do
 * - `set`: they do from now on, since the sysctl was changed for it
 * - `off`: they don't; such connections must get an address of the node as their source. `reason` says why, and what
 *   to do about it
 */
export type BridgeNetfilterState =
  | { readonly state: 'not needed' | 'on' | 'set' }
  | { readonly state: 'off'; readonly reason: string }

export interface BridgeNetfilterOptions {
  /** A bridge that is never counted: the node device. */
  readonly nodeDevice: string
  /** Where `proc` and `sys` are; `/` unless given. */
  readonly root?: string
}

const SYSCTLS: Readonly<Record<IpFamily, string>> = {
  IPv4: 'bridge-nf-call-iptables',
  IPv6: 'bridge-nf-call-ip6tables',
}

/** Looks at the sysctls of this process's own network namespace, and switches them on where it can. */
export class BridgeNetfilter {
  readonly #nodeDevice: string
  readonly #root: string

  constructor({ nodeDevice, root = '/' }: BridgeNetfilterOptions) {
    this.#nodeDevice = nodeDevice
    this.#root = root
  }

  /** Reads some small files of the kernel, so it may be asked often. Never rejects. */
  async ensure(family: IpFamily): Promise<BridgeNetfilterState> {
    const file = join(this.#root, 'proc/sys/net/bridge', SYSCTLS[family])
    const [value, hasPods] = await Promise.all([read(file), this.#hasBridgeWithPorts()])
    const action = decide({ value, hasPods })
    if (action === 'enable') return this.#enable(file, SYSCTLS[family])
    return action === 'load module' ? { state: 'off', reason: moduleIsMissing(SYSCTLS[family]) } : action
  }

  async #enable(file: string, name: string): Promise<BridgeNetfilterState> {
    try {
      await writeFile(file, '1')
      return { state: 'set' }
    } catch (error) {
      return { state: 'off', reason: isReadOnly(name, error) }
    }
  }

  async #hasBridgeWithPorts(): Promise<boolean> {
    const devices = join(this.#root, 'sys/class/net')
    const others = (await list(devices)).filter((device) => device !== this.#nodeDevice)
    // Only bridges have a folder of that name.
    const ports = await Promise.all(others.map((device) => list(join(devices, device, 'brif'))))
    return ports.some(({ length }) => length > 0)
  }
}

/** @param facts - `value`: of the sysctl; `undefined` where there is none */
function decide(facts: {
  readonly value: string | undefined
  readonly hasPods: boolean
}): 'enable' | 'load module' | { readonly state: 'not needed' | 'on' } {
  if (facts.value === '1') return { state: 'on' }
  if (!facts.hasPods) return { state: 'not needed' }
  return facts.value === undefined ? 'load module' : 'enable'
}

function moduleIsMissing(name: string): string {
  return `the kernel module br_netfilter is not loaded; on the node: modprobe br_netfilter; sysctl -w net.bridge.${name}=1`
}

function isReadOnly(name: string, error: unknown): string {
  const words = error instanceof Error ? error.message : String(error)
  return (
    `net.bridge.${name} is not 1 and can't be written (${words}); on the node: sysctl -w net.bridge.${name}=1, ` +
    'or by a privileged initContainer, or give the agent /proc/sys/net of the node as a hostPath to write to'
  )
}

async function read(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  )
}

/** Empty for a folder that is not there. */
function list(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => [])
}
