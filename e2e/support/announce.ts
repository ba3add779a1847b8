/** Tells on standard output that a server of the scenarios accepts connections. */
export function announce(port: number): void {
  process.stdout.write(`${JSON.stringify({ listening: port })}\n`)
}

/** Writes a client's result, and ends it: what is still open is of no more interest. */
export function conclude(result: unknown): void {
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))
}
