import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lab, LabHost, LabProcess } from '@edgeway/testbed'
import { PORTS } from './servers.ts'

/**
 * haproxy in TCP mode, one frontend per port, in front of a host's servers.
 *
 * @throws {Error} when it does not run
 */
export async function startHaproxy(lab: Lab, host: LabHost, backend: string): Promise<LabProcess> {
  const file = join(lab.logFolder, `haproxy-${host.name}.cfg`)
  const proxies = Object.entries(PORTS).map(
    ([name, port]) => `
listen ${name}
  bind :${port}
  server one ${backend}:${port}`,
  )
  await writeFile(
    file,
    `
global
  maxconn 4000
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
${proxies.join('\n')}
`,
  )
  const haproxy = host.spawn(['haproxy', '-db', '-f', file])
  await host.exec([
    'sh',
    '-c',
    `until curl -s -o /dev/null http://127.0.0.1:${PORTS.http}/; do sleep 0.05; done`,
  ])
  // Somebody else may have its port.
  if (!haproxy.running) throw new Error(`haproxy on ${host.name} has ended: see ${haproxy.logFile}`)
  return haproxy
}
