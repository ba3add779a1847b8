/** Tells a measured figure; scenarios report figures of speed and never assert them. */
export function report(what: string, value: number, unit = 'ms'): void {
  process.stdout.write(`    ${what}: ${value} ${unit}\n`)
}
