import type { Component, ComponentDeps } from '@edgeway/core'
import { type AdminOptions, AdminServer } from './admin-server.ts'
import { createLogger, type LogOptions } from './log.ts'
import { PrometheusMetrics } from './metrics.ts'
import type { ProcessHost } from './process.ts'
import { ReadinessGates } from './readiness.ts'
import { StatusSections } from './status.ts'

/** The sections of a config that the runtime itself reads; /configz shows the whole of it. */
export interface RuntimeConfig {
  readonly log: LogOptions
  readonly admin: AdminOptions
}

/** What every program has before its first component: a log, metrics, readiness, and an admin server that shows them. */
export class Runtime implements Component {
  /** For every component of the program. */
  readonly deps: ComponentDeps
  readonly #admin: AdminServer

  private constructor(deps: ComponentDeps, admin: AdminServer) {
    this.deps = deps
    this.#admin = admin
  }

  static async start(config: RuntimeConfig, host: Pick<ProcessHost, 'fail'>): Promise<Runtime> {
    const logger = createLogger(config.log)
    const metrics = new PrometheusMetrics()
    const readiness = new ReadinessGates(logger)
    const status = new StatusSections()
    const onFatal = (error: Error): void => {
      logger.error('a component failed, the process stops', { error })
      host.fail()
    }

    const admin = await AdminServer.start(config.admin, {
      logger,
      metrics,
      readiness,
      status,
      config,
      onFatal,
    })
    return new Runtime({ logger, metrics, readiness, status, onFatal }, admin)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#admin[Symbol.asyncDispose]()
  }
}
