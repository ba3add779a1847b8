import type { UplinkPlan } from '../lab/host-plan.ts'
import { mustRun } from '../lab/run-command.ts'

const COMMANDS = { ip: ['ip', '-batch', '-'], tc: ['tc', '-batch', '-'], nft: ['nft', '-f', '-'] } as const

/**
 * Runs lines of a tool in the namespace of the bridge that a host is connected to.
 *
 * @throws {LabError} with the tool's words at the first line that fails
 */
export async function runBatch(
  tool: keyof typeof COMMANDS,
  { bridgeNamespace }: UplinkPlan,
  lines: readonly string[],
): Promise<void> {
  const command = ['ip', 'netns', 'exec', bridgeNamespace, ...COMMANDS[tool]]
  await mustRun(command, { input: lines.join('\n') })
}
