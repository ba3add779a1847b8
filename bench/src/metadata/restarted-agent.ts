import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { NodeName, ServiceDirectory, ServicePortName } from '@edgeway/core'
import { DEFAULT_METADATA_OPTIONS, Metadata, type MetadataOptions } from '@edgeway/metadata'
import { FakeComponentDeps } from '@edgeway/testbed'
import { PausableConsumer } from './pausable-consumer.ts'
import { type View, viewOf } from './view.ts'

/** None of the endpoints' nodes: its own endpoints an agent would check by itself. */
const NODE = 'agent' as NodeName

export interface AgentPlan {
  /** Of MetaServer. */
  readonly url: string
  readonly options: Partial<MetadataOptions>
  /** For the stores of all its lives. */
  readonly folder: string
  /** Called after each change of a ServicePort, the directory being as it is then. */
  onNotice(changed: ServicePortName, services: ServiceDirectory): void
}

interface Life extends AsyncDisposable {
  readonly metadata: Metadata
  readonly consumer: PausableConsumer
  readonly deps: FakeComponentDeps
}

/** Metadata as an agent has it, with a store and a consumer; it is ended and started again. */
export class RestartedAgent implements AsyncDisposable {
  readonly #plan: AgentPlan
  #life: Life
  #store: string
  #crashes = 0

  private constructor(plan: AgentPlan, store: string, life: Life) {
    this.#plan = plan
    this.#store = store
    this.#life = life
  }

  static async start(plan: AgentPlan): Promise<RestartedAgent> {
    const store = `${plan.folder}/0/edgeway.db`
    return new RestartedAgent(plan, store, await begin(plan, store))
  }

  get services(): ServiceDirectory {
    return this.#life.metadata.services
  }

  get deps(): FakeComponentDeps {
    return this.#life.deps
  }

  view(): View {
    const { services, nodes } = this.#life.metadata
    return viewOf(services, nodes)
  }

  /** The view as its consumer has it: ServicePorts only. */
  get consumed(): View {
    return this.#life.consumer.lines
  }

  pauseConsumer(isPaused: boolean): void {
    this.#life.consumer.pause(isPaused)
  }

  /** Ends it in order, and starts it again. */
  async restart(): Promise<void> {
    await this.#life[Symbol.asyncDispose]()
    this.#life = await begin(this.#plan, this.#store)
  }

  /** Starts it again with the store as it is now, whatever the former life writes to its own until it is gone. */
  async crash(): Promise<void> {
    this.#crashes += 1
    const store = `${this.#plan.folder}/${this.#crashes}/edgeway.db`
    mkdirSync(dirname(store))
    // The log first: what goes from it into the file meanwhile is in the copy twice rather than not at all.
    for (const suffix of ['-wal', ''])
      if (existsSync(this.#store + suffix)) copyFileSync(this.#store + suffix, store + suffix)
    this.#store = store
    await this.restart()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#life[Symbol.asyncDispose]()
  }
}

async function begin({ url, options, onNotice }: AgentPlan, storeFile: string): Promise<Life> {
  const deps = new FakeComponentDeps()
  const source = { kind: 'metaserver', url } as const
  const metadata = await Metadata.start(
    { ...DEFAULT_METADATA_OPTIONS, ...options, source, storeFile },
    { ...deps, nodeName: NODE },
  )
  const { services } = metadata
  const consumer = new PausableConsumer(services)
  const notices = services.watch((changed) => onNotice(changed, services))
  return {
    metadata,
    consumer,
    deps,
    [Symbol.asyncDispose]: async () => {
      notices[Symbol.dispose]()
      consumer[Symbol.dispose]()
      await metadata[Symbol.asyncDispose]()
    },
  }
}
