import { isIPv6 } from 'node:net'
import type { PodRef } from '@edgeway/core'
import type { OwnEndpoint } from './own-endpoint.ts'
import type { RunningPod } from './pod-runtime.ts'

/**
 * Where the pods of stored addresses are: the present address of each, or `taken` for an address that the pod has lost
 * to another one. An address of which nothing is known is absent: it is used as it is.
 */
export type Whereabouts = ReadonlyMap<string, { readonly ip: string } | 'taken'>

export const NOTHING_KNOWN: Whereabouts = new Map()

/**
 * Resolves the stored addresses of this node's endpoints by the pods that run.
 *
 * A pod that does not run is no reason to count its endpoints as gone (the runtime may be another one than the
 * kubelet's, or has not started the pod yet), unless its address is in use by another pod.
 *
 * @param hostIp - the node's present address for pods in the node's network, given their stored one
 */
export function locate(
  endpoints: Iterable<OwnEndpoint>,
  pods: readonly RunningPod[],
  hostIp: (stored: string) => string,
): Whereabouts {
  const running = new RunningPods(pods)
  const found = new Map<string, { readonly ip: string } | 'taken'>()
  for (const [stored, claimants] of podsByAddress(endpoints)) {
    const owners = claimants.map((pod) => running.find(pod)).filter((pod) => pod !== undefined)
    const ip = newestAddress(owners, { stored, hostIp })
    if (ip !== undefined) found.set(stored, { ip })
    else if (owners.length === 0 && running.isInUse(stored)) found.set(stored, 'taken')
  }
  return found
}

/** Usually one pod per address; more where a stored endpoint was never told gone, and its address was used again. */
function podsByAddress(endpoints: Iterable<OwnEndpoint>): Map<string, PodRef[]> {
  const pods = new Map<string, PodRef[]>()
  for (const { ip, pod } of endpoints) {
    if (pod === undefined) continue
    const known = pods.get(ip)
    if (known === undefined) pods.set(ip, [pod])
    else known.push(pod)
  }
  return pods
}

/** Of several pods with one stored address the one that is still there counts, else the one that was started last. */
function newestAddress(
  owners: readonly RunningPod[],
  { stored, hostIp }: { readonly stored: string; readonly hostIp: (stored: string) => string },
): string | undefined {
  let newest: RunningPod | undefined
  for (const owner of owners) {
    if (owner.ips.includes(stored)) return stored
    if (newest === undefined || owner.createdAt > newest.createdAt) newest = owner
  }
  if (newest?.isHostNetwork) return hostIp(stored)
  return newest?.ips.find((ip) => isIPv6(ip) === isIPv6(stored))
}

class RunningPods {
  readonly #byUid = new Map<string, RunningPod>()
  readonly #byName = new Map<string, RunningPod>()
  readonly #addresses = new Set<string>()

  constructor(pods: readonly RunningPod[]) {
    // The newest last: while a pod is started again, its former sandbox may still be there.
    for (const pod of pods.toSorted((a, b) => a.createdAt - b.createdAt)) {
      this.#byUid.set(pod.uid, pod)
      this.#byName.set(`${pod.namespace}/${pod.name}`, pod)
      if (!pod.isHostNetwork) for (const ip of pod.ips) this.#addresses.add(ip)
    }
  }

  /** Of a static pod the API's uid is another one than the runtime's: one that matches decides, another says nothing. */
  find({ uid, namespace, name }: PodRef): RunningPod | undefined {
    const byUid = uid === undefined ? undefined : this.#byUid.get(uid)
    return byUid ?? this.#byName.get(`${namespace}/${name}`)
  }

  isInUse(ip: string): boolean {
    return this.#addresses.has(ip)
  }
}
