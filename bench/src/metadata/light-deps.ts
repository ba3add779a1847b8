import type { ComponentDeps, Logger } from '@edgeway/core'

/** What a component gets from its process, as light as can be: figures are to be the component's own. */
export class LightDeps implements ComponentDeps {
  /** Messages of level `warn` and above. */
  readonly warnings: string[] = []
  readonly logger: Logger = {
    error: (message) => void this.warnings.push(message),
    warn: (message) => void this.warnings.push(message),
    info: () => {},
    debug: () => {},
    isEnabled: () => false,
    child: () => this.logger,
  }
  readonly metrics = {
    counter: () => ({ add: () => {}, bind: () => ({ add: () => {} }) }),
    gauge: () => ({ set: () => {} }),
    histogram: () => ({ observe: () => {}, bind: () => ({ observe: () => {} }) }),
  }
  readonly readiness = { gate: () => ({ open: () => {}, shut: () => {} }) }
  readonly status = { section: () => {}, page: () => {} }

  onFatal(error: Error): never {
    throw error
  }
}
