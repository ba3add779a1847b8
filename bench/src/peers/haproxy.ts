import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lab, LabHost, LabProcess } from '@edgeway/testbed'
import { PORTS } from './servers.ts'

/** What a haproxy in TCP mode does. */
export interface HaproxyPlan {
  /** Told apart by it from others on its host. */
  readonly name: string
  readonly backend: string
  /** By name: it listens on each, and goes to the same port of the backend. */
  readonly ports: Readonly<Record<string, number>>
  readonly maxConnections: number
  /** After that without a byte, a connection ends. */
  readonly idleTimeoutSeconds: number
}

/**
 * haproxy in TCP mode, one frontend per port, in front of a host's servers.
 *
 * @throws {Error} when it does not run
 */
export async function startHaproxy(lab: Lab, host: LabHost, backend: string): Promise<LabProcess> {
  const plan = { name: 'haproxy', backend, ports: PORTS, maxConnections: 4_000, idleTimeoutSeconds: 60 }
  const haproxy = await spawnHaproxy(lab, host, plan)
  await host.exec([
    'sh',
    '-c',
    `until curl -s -o /dev/null http://127.0.0.1:${PORTS.http}/; do sleep 0.05; done`,
  ])
  // Somebody else may have its port.
  if (!haproxy.running) throw new Error(`haproxy on ${host.name} has ended: see ${haproxy.logFile}`)
  return haproxy
}

/** Starts a haproxy, and does not wait until it listens. */
export async function spawnHaproxy(lab: Lab, host: LabHost, plan: HaproxyPlan): Promise<LabProcess> {
  const file = join(lab.logFolder, `${plan.name}-${host.name}.cfg`)
  await writeFile(file, configOf(plan))
  return host.spawn(['haproxy', '-db', '-f', file])
}

function configOf({ backend, ports, maxConnections, idleTimeoutSeconds }: HaproxyPlan): string {
  const proxies = Object.entries(ports).map(
    ([name, port]) => `
listen ${name}
  bind :${port}
  server one ${backend}:${port}`,
  )
  return `
global
  maxconn ${maxConnections}
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client ${idleTimeoutSeconds}s
  timeout server ${idleTimeoutSeconds}s
${proxies.join('\n')}
`
}
