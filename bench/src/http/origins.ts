import { mkdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Lab, LabHost } from '@edgeway/testbed'
import { nginxConfig } from '../peers/nginx-config.ts'
import { mustExec } from '../probes/must-exec.ts'
import { HTTP_PORTS } from './routes.ts'

/** What origins serve beside `/`, a few bytes. */
export const PATHS = { small: '/', tenKb: '/10kb', gigabyte: '/1gib' } as const

const GRPC_ORIGIN = fileURLToPath(new URL('../probes/grpc-origin.ts', import.meta.url))
const TEN_KB = 10_000
const GIB = 2 ** 30
/** Not compressed, its length in 32 bits, and so many bytes (gRPC over HTTP2, Length-Prefixed-Message). */
const GRPC_MESSAGE = Buffer.from([0, 0, 0, 0, 5, ...Buffer.from('hello')])

/** Starts an nginx for HTTP/1.1 and, in plain text with prior knowledge, HTTP/2. */
export async function startOrigin(lab: Lab, host: LabHost): Promise<void> {
  const folder = join(lab.logFolder, `origin-${host.name}`)
  const root = `${folder}-root`
  await mkdir(root)
  await writeFile(join(root, PATHS.tenKb), 'x'.repeat(TEN_KB))
  await writeFile(join(root, PATHS.gigabyte), '')
  // A hole: it takes no room on the disk.
  await truncate(join(root, PATHS.gigabyte), GIB)
  const file = `${folder}.conf`
  const { http, http2 } = HTTP_PORTS
  const servers = [`${http}`, `${http2} http2`].map(
    (listen) => `server { listen ${listen} backlog=4096; location = / { return 200 "hello\\n"; } }`,
  )
  await writeFile(file, nginxConfig(folder, `root ${root}; ${servers.join(' ')}`))
  host.spawn(['nginx', '-e', `${folder}.error.log`, '-c', file])
  await mustExec(host, [
    'sh',
    '-c',
    `until curl -s -o /dev/null http://127.0.0.1:${http}/; do sleep 0.05; done`,
  ])
}

/** A file with the body of a call. */
export function grpcMessageFile(lab: Lab): string {
  return join(lab.logFolder, 'grpc-message')
}

/** Starts a gRPC server that sends back each message. */
export async function startGrpcOrigin(lab: Lab, host: LabHost): Promise<void> {
  await writeFile(grpcMessageFile(lab), GRPC_MESSAGE)
  const server = host.spawn([process.execPath, GRPC_ORIGIN, String(HTTP_PORTS.grpc)])
  await server.waitForOutput(/"listening":true/)
}
