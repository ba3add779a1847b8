import { RetryBudget } from './retry-budget.ts'

/** What is under way of one ServicePort and scope. Changes of its Service leave it as it is. */
export class PortState {
  readonly budget = new RetryBudget()
  /** Those whose routes have not ended. */
  requests = 0
  /** Those of them that are tried again by policy. */
  retries = 0
}
