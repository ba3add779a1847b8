import { configurationLines, creationLines, type HostPlan, portLines } from './host-plan.ts'
import { writeResolvConf } from './namespace.ts'
import { LAB_VARIABLE } from './namespace-processes.ts'
import { mustRun } from './run-command.ts'

/**
 * Makes planned hosts and connects them, to one another and to hosts that are there already. One `ip` makes all
 * namespaces and links, then each host is set up by one `ip` and one `nft` of its own, all at the same time: process
 * starts are what a lab's creation costs.
 *
 * @param lab - the id of the lab they belong to
 * @throws {LabError} at the first step that fails; what is there by then stays
 */
export async function buildHosts(lab: string, hosts: readonly HostPlan[]): Promise<void> {
  const env = { [LAB_VARIABLE]: lab }
  await allDone(
    hosts.map(async ({ namespace, resolvConf }) => {
      if (resolvConf !== undefined) await writeResolvConf(namespace, resolvConf)
    }),
  )
  await mustRun(['ip', '-batch', '-'], { input: creationLines(hosts).join('\n'), env })
  const rules = hosts.map(async (host) => {
    const command = setUpCommand(host)
    if (command !== undefined) await mustRun(command, { input: host.ruleset, env })
  })
  const links = [...linesByNamespace(hosts)].map(async ([namespace, lines]) => {
    await mustRun(['ip', '-n', namespace, '-batch', '-'], { input: lines.join('\n'), env })
  })
  await allDone([...rules, ...links])
}

/** Rejects with the first failure, but not before all have ended: nothing of a failed build goes on. */
async function allDone(steps: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(steps)
  await Promise.all(steps)
}

/** A host's own lines come before those of its bridge's ports, which need the bridge. */
function linesByNamespace(hosts: readonly HostPlan[]): Map<string, string[]> {
  const lines = new Map(hosts.map((host) => [host.namespace, configurationLines(host)]))
  for (const { uplink } of hosts) {
    if (uplink === undefined) continue
    const before = lines.get(uplink.bridgeNamespace) ?? []
    lines.set(uplink.bridgeNamespace, [...before, ...portLines(uplink)])
  }
  return lines
}

/** Loads the host's rules, given as input, and sets its sysctls; `undefined` when it has neither. */
function setUpCommand({ namespace, ruleset, sysctls }: HostPlan): readonly string[] | undefined {
  // Rules first: they load the modules that some of the sysctls belong to.
  const steps = Object.entries(sysctls).map(([file, value]) => `echo ${value} > /proc/sys/${file}`)
  if (ruleset !== '') steps.unshift('nft -f -')
  return steps.length === 0 ? undefined : ['ip', 'netns', 'exec', namespace, 'sh', '-c', steps.join(' && ')]
}
