import type { Logger } from '@edgeway/core'
import {
  CRI_SOCKETS,
  type CriSocket,
  findCriSocket,
  type PodRuntime,
  type RunningPod,
} from './pod-runtime.ts'

/** Makes the client of the runtime behind a socket. */
export type OpenPodRuntime = (socketPath: string) => Promise<PodRuntime>

export interface RuntimeOptions {
  /** `auto` looks at the default places of containerd, CRI-O and cri-dockerd; otherwise `off` or an absolute path. */
  readonly criSocket: CriSocket
  /** For all that one round asks of the runtime; without an answer the round goes on with what is known. */
  readonly criTimeoutMs: number
}

/** Code for the runtime is loaded by those who need it: on most nodes nobody ever does. */
export async function openCriRuntime(socketPath: string): Promise<PodRuntime> {
  const { CriRuntime } = await import('./cri/cri-runtime.ts')
  return new CriRuntime(socketPath)
}

/** Asks the node's container runtime for its pods, says once what is wrong with it, and keeps what it said last. */
export class RuntimeQuestions {
  readonly #options: RuntimeOptions
  readonly #open: OpenPodRuntime
  readonly #logger: Logger
  #runtime: { readonly path: string; readonly client: PodRuntime } | undefined
  #pods: readonly RunningPod[] | undefined
  #lastSaid: string | undefined

  constructor(options: RuntimeOptions, open: OpenPodRuntime, logger: Logger) {
    this.#options = options
    this.#open = open
    this.#logger = logger
  }

  /**
   * @returns the pods that run; when it does not answer those of its last answer, since pods outlive their runtime's
   *   restarts; `undefined` when it never answered since `forget`
   */
  async ask(stop: AbortSignal): Promise<readonly RunningPod[] | undefined> {
    const { criSocket, criTimeoutMs } = this.#options
    const path = findCriSocket(criSocket)
    if (path === undefined) {
      if (criSocket === 'auto') this.#sayThatThereIsNone()
      return this.#pods
    }
    try {
      if (this.#runtime?.path !== path) this.#runtime = { path, client: await this.#open(path) }
      const signal = AbortSignal.any([stop, AbortSignal.timeout(criTimeoutMs)])
      const pods = await this.#runtime.client.runningPods(signal)
      // Whoever stops may have called `forget` meanwhile.
      if (stop.aborted) return this.#pods
      this.#pods = pods
      this.#sayThatItAnswers(path)
    } catch (error) {
      if (!stop.aborted) this.#sayThatItFails(path, error)
    }
    return this.#pods
  }

  /** Forgets what was answered and frees the client. What was said stays said. */
  forget(): void {
    this.#runtime = undefined
    this.#pods = undefined
  }

  #sayThatThereIsNone(): void {
    if (this.#lastSaid === 'none') return
    this.#lastSaid = 'none'
    this.#logger.info('no container runtime found, own endpoints are checked by TCP only', {
      lookedAt: CRI_SOCKETS,
    })
  }

  #sayThatItAnswers(socket: string): void {
    if (this.#lastSaid === 'answers') return
    this.#lastSaid = 'answers'
    this.#logger.info('container runtime tells where pods are', { socket })
  }

  #sayThatItFails(socket: string, error: unknown): void {
    if (this.#lastSaid === 'fails') return
    this.#lastSaid = 'fails'
    this.#logger.warn('container runtime can not be asked where pods are, trying again', { socket, error })
  }
}
