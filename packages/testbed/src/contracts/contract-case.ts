/**
 * One thing that every implementation of a port holds to. A contract is a list of them, to be run by the tests of each
 * implementation: `it.each(xContract(open))('$title', ({ run }) => run())`.
 */
export interface ContractCase {
  readonly title: string
  run(): Promise<void>
}
