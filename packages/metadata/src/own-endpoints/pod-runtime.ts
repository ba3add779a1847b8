import { existsSync } from 'node:fs'
import { EdgewayError } from '@edgeway/core'

/** A pod whose network is up. */
export interface RunningPod {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  /** Canonical text. Empty in the node's network with most runtimes: then the pod has the node's. */
  readonly ips: readonly string[]
  readonly isHostNetwork: boolean
  /** Nanoseconds since 1970, to the next microsecond: for comparing. */
  readonly createdAt: number
}

/** The container runtime, as far as pods are concerned. Implemented by `CriRuntime`. */
export interface PodRuntime {
  /** @throws {PodRuntimeError} when it does not answer, or not as it should */
  runningPods(signal: AbortSignal): Promise<readonly RunningPod[]>
}

/** The container runtime can't be asked. */
export class PodRuntimeError extends EdgewayError {
  override readonly name = 'PodRuntimeError'
  readonly code = 'ERR_POD_RUNTIME'
}

/** Where to look for the runtime: at the default places, nowhere, or at an absolute path. */
export type CriSocket = 'auto' | 'off' | `/${string}`

/**
 * Default places of cri-dockerd, CRI-O, containerd and K3s' containerd. In that order: Docker brings a containerd along
 * that knows none of the kubelet's pods, while the others are there only to be the kubelet's.
 */
export const CRI_SOCKETS = [
  '/run/cri-dockerd.sock',
  '/run/crio/crio.sock',
  '/run/k3s/containerd/containerd.sock',
  '/run/containerd/containerd.sock',
] as const

/** @returns `undefined` when there is none to ask; a path that was configured is returned unseen */
export function findCriSocket(
  socket: CriSocket,
  exists: (path: string) => boolean = existsSync,
): string | undefined {
  if (socket === 'off') return undefined
  return socket === 'auto' ? CRI_SOCKETS.find(exists) : socket
}
