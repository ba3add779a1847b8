import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'

export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>

/** What container runtimes, CNI plugins and kube-proxy make; Calico passes over the same when it looks for a node's address. */
const OF_PODS =
  /^(docker|podman|cbr|br-[0-9a-f]{12}$|virbr|lxcbr|veth|cali|tunl|flannel|cni|cilium|kube-|nodelocaldns|dummy|edgeway)/

/** Whether that is a device of pods, by its name. */
export function isOfPods(device: string): boolean {
  return OF_PODS.test(device)
}

/**
 * The IP addresses that only devices of pods have: a bridge of pods has the same one on many nodes, and leads to none.
 */
export function podNetworkAddresses(interfaces: Interfaces): ReadonlySet<string> {
  const addressesOf = (isWanted: (name: string) => boolean): Set<string> =>
    new Set(
      Object.entries(interfaces)
        .filter(([name]) => isWanted(name))
        .flatMap(([, infos]) => infos ?? [])
        .map(({ address }) => address),
    )
  return addressesOf(isOfPods).difference(addressesOf((name) => !isOfPods(name)))
}

/** Looks at this host's interfaces; the kernel may refuse, as it does when no file descriptor is left. */
export class InterfaceReader {
  readonly #read: () => Interfaces
  #known: Interfaces = {}

  constructor(read: () => Interfaces = networkInterfaces) {
    this.#read = read
  }

  /** As they are; as they were before, where that can't be known now. */
  read(): Interfaces {
    try {
      this.#known = this.#read()
    } catch {
      // The next look may do.
    }
    return this.#known
  }
}
