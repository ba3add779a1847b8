import type { ComponentDeps } from '@edgeway/core'
import { MemoryLogger } from './memory-logger.ts'
import { MemoryMetrics } from './memory-metrics.ts'
import { MemoryReadiness } from './memory-readiness.ts'
import { MemoryStatus } from './memory-status.ts'

/** What a component gets from its process, kept in memory for tests to read. */
export class FakeComponentDeps implements ComponentDeps {
  readonly logger = new MemoryLogger()
  readonly metrics = new MemoryMetrics()
  readonly readiness = new MemoryReadiness()
  readonly status = new MemoryStatus()
  readonly fatal: Error[] = []

  readonly onFatal = (error: Error): void => {
    this.fatal.push(error)
  }
}
