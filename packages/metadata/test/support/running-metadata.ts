import type { NodeName, ServicePortName } from '@edgeway/core'
import { FakeComponentDeps, type LogLine } from '@edgeway/testbed'
import { vi } from 'vitest'
import { DEFAULT_METADATA_OPTIONS, Metadata, type MetadataOptions } from '../../src/metadata.ts'

const NODE = 'edge-1' as NodeName

/** Short times, so that retries, watches and lists come often. */
const OPTIONS: MetadataOptions = {
  ...DEFAULT_METADATA_OPTIONS,
  minRetryDelayMs: 5,
  maxRetryDelayMs: 20,
}

/** Metadata with what its process would give it, kept for tests to read. */
export class RunningMetadata implements AsyncDisposable {
  readonly metadata: Metadata
  readonly deps: FakeComponentDeps

  private constructor(metadata: Metadata, deps: FakeComponentDeps) {
    this.metadata = metadata
    this.deps = deps
  }

  static async start(url: string, options: Partial<MetadataOptions> = {}): Promise<RunningMetadata> {
    const deps = new FakeComponentDeps()
    const source = { kind: 'metaserver', url } as const
    return new RunningMetadata(
      await Metadata.start({ ...OPTIONS, source, ...options }, { ...deps, nodeName: NODE }),
      deps,
    )
  }

  get services(): Metadata['services'] {
    return this.metadata.services
  }

  /** Names of the Services in namespace `shop`, sorted. */
  get serviceNames(): string[] {
    const names = [...this.services.servicePorts()].map(({ name }) => name.replace(/^shop\/(.*):http$/, '$1'))
    return names.toSorted()
  }

  /** Addresses of the endpoints of a ServicePort, sorted. */
  endpoints(name: string): string[] {
    return this.services
      .endpoints(name as ServicePortName)
      .map(({ ip }) => ip)
      .toSorted()
  }

  lines(level: LogLine['level'], message: string): LogLine[] {
    return this.deps.logger.lines.filter((line) => line.level === level && line.message === message)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.metadata[Symbol.asyncDispose]()
  }
}

/** Waits until `assertion` no longer throws. */
export async function eventually(assertion: () => void): Promise<void> {
  await vi.waitFor(assertion, { timeout: 15_000, interval: 5 })
}
