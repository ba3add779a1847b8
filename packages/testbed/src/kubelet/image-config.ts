import { LabError } from '../lab/errors.ts'

/** What an image tells the runtime. */
export interface ImageConfig {
  readonly entrypoint: readonly string[]
  readonly workingDir: string
  readonly env: Readonly<Record<string, string>>
}

/**
 * Reads `ENTRYPOINT`, `WORKDIR` and `ENV` of one stage of a Containerfile.
 *
 * @param stage - as in `FROM … AS <stage>`
 * @throws {LabError} when there is no such stage, or it lacks one of them
 */
export function readImageConfig(containerfile: string, stage: string): ImageConfig {
  const lines = stageLines(containerfile, stage)
  const entrypoint = argumentOf(lines, 'ENTRYPOINT')
  const workingDir = argumentOf(lines, 'WORKDIR')
  if (entrypoint === undefined || workingDir === undefined)
    throw new LabError(`the stage ${stage} of the Containerfile has no ENTRYPOINT or no WORKDIR`)
  return { entrypoint: JSON.parse(entrypoint) as string[], workingDir, env: environmentOf(lines) }
}

function stageLines(containerfile: string, stage: string): readonly string[] {
  const stages = containerfile.split(/^(?=FROM )/m)
  const found = stages.find((text) => new RegExp(`^FROM \\S+ AS ${stage}$`, 'm').test(text))
  if (found === undefined) throw new LabError(`the Containerfile has no stage ${stage}`)
  return found.split('\n')
}

function argumentOf(lines: readonly string[], instruction: string): string | undefined {
  return lines.find((line) => line.startsWith(`${instruction} `))?.slice(instruction.length + 1)
}

function environmentOf(lines: readonly string[]): Readonly<Record<string, string>> {
  const pairs = lines.filter((line) => line.startsWith('ENV ')).flatMap((line) => line.slice(4).split(' '))
  return Object.fromEntries(
    pairs.map((pair) => [pair.split('=')[0] ?? '', pair.slice(pair.indexOf('=') + 1)]),
  )
}
