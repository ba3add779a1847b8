import { setTimeout as delay } from 'node:timers/promises'
import type { LabHost, SimulatedReport } from '@edgeway/testbed'
import { SimulatedProcess } from './simulated-process.ts'

const POLL_MS = 250

export interface SimulatedOptions {
  /** A process of agents runs on each. */
  readonly hosts: readonly LabHost[]
  /** `host:port` of each tunnel server. */
  readonly servers: readonly string[]
  readonly joinToken: string
}

/** All processes together. */
export interface Joined {
  /** When each agent joined that is joined now, in milliseconds since 1970, in ascending order. */
  readonly at: readonly number[]
  /** Since the agents began. */
  readonly attempts: number
  readonly joins: number
  /** What sessions ended of, and how often; of repeated ones some only. */
  readonly troubles: Readonly<Record<string, number>>
  /** Records that came to agents since they began. */
  readonly records: number
  /** Other nodes that an agent knows, the one with the fewest. */
  readonly leastPeers: number
}

/** Many simulated agents in a few processes; towards tunnel servers each is an agent of its own. */
export class SimulatedAgents implements AsyncDisposable {
  readonly #processes: readonly SimulatedProcess[]

  constructor({ hosts, ...order }: SimulatedOptions) {
    this.#processes = hosts.map((host) => new SimulatedProcess(host, { ...order, prefix: host.name }))
  }

  get pids(): readonly number[] {
    return this.#processes.map(({ pid }) => pid)
  }

  /** Lets that many join, all at the same time. */
  start(count: number): void {
    const share = Math.ceil(count / this.#processes.length)
    for (const [index, one] of this.#processes.entries()) one.start(Math.min(share, count - index * share))
  }

  async joined(): Promise<Joined> {
    const reports = await Promise.all(this.#processes.map((one) => one.report()))
    return {
      at: reports.flatMap(({ joinedAt }) => joinedAt).toSorted((a, b) => a - b),
      attempts: sum(reports.map(({ attempts }) => attempts)),
      joins: sum(reports.map(({ joins }) => joins)),
      troubles: allTroubles(reports),
      records: sum(reports.map(({ records }) => records)),
      leastPeers: Math.min(...reports.map(({ leastPeers }) => leastPeers)),
    }
  }

  /**
   * Waits until that many have joined after a moment.
   *
   * @returns what is then so; fewer than asked for where the time did not suffice
   */
  async whenJoined(
    count: number,
    { since, withinMs }: { readonly since: number; readonly withinMs: number },
  ) {
    for (;;) {
      const joined = await this.joined()
      const at = joined.at.filter((moment) => moment >= since)
      if (at.length >= count || Date.now() > since + withinMs) return { ...joined, at }
      await delay(POLL_MS)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((one) => one[Symbol.asyncDispose]()))
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function allTroubles(reports: readonly SimulatedReport[]): Joined['troubles'] {
  const all: Record<string, number> = {}
  for (const [trouble, count] of reports.flatMap(({ troubles }) => Object.entries(troubles)))
    all[trouble] = (all[trouble] ?? 0) + count
  return all
}
