import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Lab, type LabHost, startTcpEcho } from '@edgeway/testbed'
import { IPERF_PORT } from '../probes/iperf3.ts'
import { ECHO_PORT } from '../probes/latency.ts'
import { HTTP_PORT } from '../probes/wrk.ts'
import { nginxConfig } from './nginx-config.ts'

/** Ports of what every measured place serves. */
export const PORTS = { bulk: IPERF_PORT, http: HTTP_PORT, echo: ECHO_PORT } as const

/** Starts iperf3, nginx and an echo server on a pod or a node. */
export async function startServers(lab: Lab, host: LabHost): Promise<void> {
  host.spawn(['iperf3', '--server', '--port', String(PORTS.bulk)])
  const folder = join(lab.logFolder, `nginx-${host.name}`)
  const file = `${folder}.conf`
  await writeFile(
    file,
    nginxConfig(
      folder,
      `server { listen ${PORTS.http} backlog=4096; location / { return 200 "hello\\n"; } }`,
    ),
  )
  host.spawn(['nginx', '-e', `${folder}.error.log`, '-c', file])
  await startTcpEcho(host, { port: PORTS.echo })
  await host.exec([
    'sh',
    '-c',
    `until curl -s -o /dev/null http://127.0.0.1:${PORTS.http}/; do sleep 0.05; done`,
  ])
}
