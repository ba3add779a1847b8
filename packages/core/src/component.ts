import type { Logger } from './ports/logger.ts'
import type { Metrics } from './ports/metrics.ts'
import type { Readiness } from './ports/readiness.ts'
import type { StatusBoard } from './ports/status-board.ts'

/**
 * A part of a process that runs. `X.start(options, deps)` resolves when it serves; disposal resolves when nothing of
 * it runs any more, never rejects and may be called twice.
 */
export type Component = AsyncDisposable

/** What every component gets from its process. */
export interface ComponentDeps {
  readonly logger: Logger
  readonly metrics: Metrics
  readonly readiness: Readiness
  readonly status: StatusBoard
  /** A component that can't go on after its start calls this once: the process stops with exit code 1. */
  onFatal(error: Error): void
}
