import type { Random } from '../time/random.ts'
import type { Message } from './message.ts'

/** The order in which objects go to the node. */
export interface DeliveryQueueRules {
  readonly stopAndWait: boolean
  readonly reordersKinds: boolean
}

/** A message and its place in the order of arrival. */
interface Waiting {
  readonly uid: string
  readonly turn: number
  readonly message: Message
}

/**
 * What waits for delivery to one node: per object only the latest, objects of a resource in the order in which they came
 * to wait.
 */
export class DeliveryQueue {
  readonly #rules: DeliveryQueueRules
  readonly #random: Random
  readonly #deliver: (message: Message) => Promise<void>
  /** By plural, then by the objects' uid. */
  readonly #waiting = new Map<string, Map<string, Waiting>>()
  readonly #sending = new Set<string>()
  #turns = 0

  /** @param deliver - resolves when the message was acknowledged, or given up */
  constructor(rules: DeliveryQueueRules, random: Random, deliver: (message: Message) => Promise<void>) {
    this.#rules = rules
    this.#random = random
    this.#deliver = deliver
  }

  get size(): number {
    return [...this.#waiting.values()].reduce((sum, { size }) => sum + size, this.#sending.size)
  }

  has(uid: string): boolean {
    return this.#sending.has(uid) || this.isWaiting(uid)
  }

  /** Whether something newer than what is on its way waits. */
  isWaiting(uid: string): boolean {
    return this.#waiting.values().some((ofResource) => ofResource.has(uid))
  }

  /** An object that waits keeps its turn and gets the newer message. */
  push(uid: string, message: Message): void {
    const { resource } = message.resource
    const ofResource = this.#waiting.get(resource) ?? new Map<string, Waiting>()
    this.#waiting.set(resource, ofResource)
    const turn = ofResource.get(uid)?.turn ?? this.#turns++
    ofResource.set(uid, { uid, turn, message })
    this.#go()
  }

  /** Forgets what waits; what is on its way is not called back. */
  clear(): void {
    this.#waiting.clear()
  }

  #go(): void {
    while (this.#sending.size === 0 || !this.#rules.stopAndWait) {
      const next = this.#next()
      if (next === undefined) return
      const { uid, message } = next
      this.#waiting.get(message.resource.resource)?.delete(uid)
      this.#sending.add(uid)
      void this.#deliver(message).finally(() => {
        this.#sending.delete(uid)
        this.#go()
      })
    }
  }

  /** The first one, or with `reordersKinds` the first of a resource drawn by lot; never one that is still on its way. */
  #next(): Waiting | undefined {
    const firsts: Waiting[] = []
    for (const ofResource of this.#waiting.values()) {
      const first = ofResource.values().find(({ uid }) => !this.#sending.has(uid))
      if (first !== undefined) firsts.push(first)
    }
    if (this.#rules.reordersKinds) return firsts[Math.floor(this.#random() * firsts.length)]
    return firsts.toSorted((one, other) => one.turn - other.turn)[0]
  }
}
