export interface DemoArguments {
  /** Leave the lab up at the end. */
  readonly keep: boolean
  /** Print the result as one JSON line at the end. */
  readonly json: boolean
  readonly help: boolean
}

export const USAGE = `Usage: npm run demo -- [--keep] [--json] [--help]

Builds a cloud node and two sites with equal subnets behind NATs, starts
edgeway on all three nodes, and makes calls between their pods.

  --keep   leave the lab up and print commands to explore it with
  --json   print the result as one line of JSON, the last of the output
`

const FLAGS = new Set(['--keep', '--json', '--help'])

/** @throws {Error} that names a flag which does not exist */
export function parseDemoArguments(args: readonly string[]): DemoArguments {
  const flags = args.filter((arg) => arg !== '--')
  const unknown = flags.find((flag) => !FLAGS.has(flag))
  if (unknown !== undefined) throw new Error(`unknown argument ${unknown}\n\n${USAGE}`)
  return {
    keep: flags.includes('--keep'),
    json: flags.includes('--json'),
    help: flags.includes('--help'),
  }
}
