/** Time that one request may spend on connecting, over all the endpoints that it tries. */
export class DialBudget {
  #leftMs: number

  constructor(budgetMs: number) {
    this.#leftMs = budgetMs
  }

  get leftMs(): number {
    return this.#leftMs
  }

  spend(ms: number): void {
    this.#leftMs = Math.max(0, this.#leftMs - ms)
  }
}
