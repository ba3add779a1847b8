import { configurationLines, creationLines, type HostPlan, portLines } from './host-plan.ts'
import { writeResolvConf } from './namespace.ts'
import { mustRun } from './run-command.ts'

/**
 * Makes planned hosts and connects them, to one another and to hosts that are there already. One `ip` makes all
 * namespaces and links, then each host is set up by one `ip` and one `nft` of its own, all at the same time: process
 * starts are what a lab's creation costs.
 *
 * @throws {LabError} at the first step that fails; what is there by then stays
 */
export async function buildHosts(hosts: readonly HostPlan[]): Promise<void> {
  await Promise.all(
    hosts.map(async ({ namespace, resolvConf }) => {
      if (resolvConf !== undefined) await writeResolvConf(namespace, resolvConf)
    }),
  )
  await mustRun(['ip', '-batch', '-'], { input: creationLines(hosts).join('\n') })
  const rules = hosts.map((host) => loadRules(host))
  const links = [...linesByNamespace(hosts)].map(([namespace, lines]) =>
    mustRun(['ip', '-n', namespace, '-batch', '-'], { input: lines.join('\n') }),
  )
  await Promise.all([...rules, ...links])
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

async function loadRules({ namespace, ruleset, sysctls }: HostPlan): Promise<void> {
  // Rules first: they load the modules that some of the sysctls belong to.
  const steps = Object.entries(sysctls).map(([file, value]) => `echo ${value} > /proc/sys/${file}`)
  if (ruleset !== '') steps.unshift('nft -f -')
  if (steps.length === 0) return
  await mustRun(['ip', 'netns', 'exec', namespace, 'sh', '-c', steps.join(' && ')], { input: ruleset })
}
