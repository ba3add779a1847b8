import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { formatEndpoint, type ServiceDirectory } from '@edgeway/core'
import { type Faults, MetaServerDouble, ObjectStore, runControllers } from '@edgeway/testbed'
import type { Periods } from './periods.ts'
import { RestartedAgent } from './restarted-agent.ts'
import { type SteadyEndpoint, Truth } from './truth.ts'
import { differencesOf } from './view.ts'

/** What may be lost of the last moments when an agent crashes: its store is behind by no more. */
const STORE_LAG_MS = 1_000
const STALL_POLL_MS = 20

export interface WorldPlan {
  readonly seed: number
  readonly periods: Periods
  readonly faults: Partial<Faults>
  /** Whether the cluster has no EndpointSlices before `World.serveSlices`. */
  readonly lacksSlices: boolean
}

/** A cloud, a node's MetaServer and an agent, in this process; and what the agent must never do. */
export class World implements AsyncDisposable {
  readonly periods: Periods
  readonly truth: Truth
  readonly double: MetaServerDouble
  /** Endpoints that went out of sight though they were there all the time. */
  readonly lost: string[] = []
  readonly #running: AsyncDisposableStack
  readonly #kinds: HiddenSlices
  #agent: RestartedAgent | undefined
  #stalls = 0
  #settledAt = performance.now()

  private constructor(
    plan: WorldPlan,
    parts: {
      readonly truth: Truth
      readonly kinds: HiddenSlices
      readonly double: MetaServerDouble
      readonly running: AsyncDisposableStack
    },
  ) {
    this.periods = plan.periods
    this.truth = parts.truth
    this.double = parts.double
    this.#kinds = parts.kinds
    this.#running = parts.running
  }

  static async start(plan: WorldPlan): Promise<World> {
    const running = new AsyncDisposableStack()
    try {
      const folder = await mkdtemp(`${tmpdir()}/edgeway-world-`)
      running.defer(async () => await rm(folder, { recursive: true }))
      const store = new ObjectStore({ admission: false })
      const kinds = new HiddenSlices(store, plan.lacksSlices)
      running.use(runControllers(store))
      const { periods, faults, seed } = plan
      const double = running.use(await MetaServerDouble.start({ ...periods.double, faults, seed }, { store }))
      const world = new World(plan, {
        truth: new Truth(store),
        kinds,
        double,
        running,
      })
      await world.#startAgent(folder)
      return world
    } catch (error) {
      await running.disposeAsync()
      throw error
    }
  }

  get agent(): RestartedAgent {
    if (this.#agent === undefined) throw new Error('the world has not started')
    return this.#agent
  }

  /** How often MetaServer was found to wait for its reader. */
  get stalls(): number {
    return this.#stalls
  }

  /** From now on the cluster has EndpointSlices. */
  serveSlices(): void {
    this.#kinds.show()
  }

  async restartAgent(): Promise<void> {
    await this.agent.restart()
    this.#expectNoneLost(this.agent.services, this.truth.steady())
  }

  async crashAgent(): Promise<void> {
    const leftMs = this.#settledAt + STORE_LAG_MS - performance.now()
    if (leftMs > 0) await delay(leftMs)
    await this.agent.crash()
    this.#expectNoneLost(this.agent.services, this.truth.steady())
  }

  /** What the agent, or its consumer, sees other than it is. */
  differences(): string[] {
    const truth = this.truth.view()
    const ports = new Map([...truth].filter(([name]) => name.startsWith('port ')))
    const consumed = differencesOf(ports, this.agent.consumed).map((line) => `by its consumer, ${line}`)
    return [...differencesOf(truth, this.agent.view()), ...consumed]
  }

  /** The agent sees all there is: from here on it is to lose nothing that stays. */
  settle(): void {
    this.truth.settle()
    this.#settledAt = performance.now()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.disposeAsync()
  }

  async #startAgent(folder: string): Promise<void> {
    const agent = await RestartedAgent.start({
      url: this.double.url,
      options: this.periods.metadata,
      folder,
      onNotice: (changed, services) => {
        const [key] = changed.split(':')
        this.#expectNoneLost(services, this.truth.steady(key))
      },
    })
    this.#agent = this.#running.use(agent)
    const polling = setInterval(() => {
      if (this.double.stats.stalled) this.#stalls += 1
    }, STALL_POLL_MS)
    this.#running.defer(() => clearInterval(polling))
  }

  #expectNoneLost(services: ServiceDirectory, steady: readonly SteadyEndpoint[]): void {
    for (const { port, endpoint } of steady) {
      const isSeen = services.endpoints(port).some((seen) => formatEndpoint(seen) === endpoint)
      if (!isSeen) this.lost.push(`${endpoint} of ${port}`)
    }
  }
}

/** A cluster that may not have EndpointSlices, as those before Kubernetes 1.21. */
class HiddenSlices {
  #isHidden: boolean

  constructor({ kinds }: ObjectStore, isHidden: boolean) {
    this.#isHidden = isHidden
    const all = kinds.all.bind(kinds)
    kinds.all = () => all().filter(({ kind }) => !(this.#isHidden && kind === 'EndpointSlice'))
  }

  show(): void {
    this.#isHidden = false
  }
}
