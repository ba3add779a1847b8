/** Of one object. */
const MAX_PROBLEMS = 16
const MAX_PROBLEM_LENGTH = 240

/** What of an object is ignored: no more is named than anybody reads, the rest is counted. */
export class Problems {
  readonly #named: string[] = []
  #others = 0

  note(text: string): void {
    if (this.#named.length >= MAX_PROBLEMS) this.#others++
    else this.#named.push(text.length > MAX_PROBLEM_LENGTH ? `${text.slice(0, MAX_PROBLEM_LENGTH)}…` : text)
  }

  /** In the order in which they were noted; the last one may tell how many there are besides. */
  get lines(): readonly string[] {
    return this.#others === 0 ? this.#named : [...this.#named, `${this.#others} more fields are ignored`]
  }
}
