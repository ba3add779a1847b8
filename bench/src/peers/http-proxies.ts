import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lab, LabHost, LabProcess } from '@edgeway/testbed'
import { mustExec } from '../probes/must-exec.ts'
import { nginxConfig } from './nginx-config.ts'

/** Requests that come to an address and port go to those targets in turn, or by the hash of a header. */
export interface ProxyRoute {
  readonly name: string
  readonly ip: string
  readonly port: number
  readonly isHttp2: boolean
  /** `ip:port` */
  readonly targets: readonly string[]
  readonly hashHeader: string | undefined
}

export const HTTP_PROXIES = ['haproxy', 'nginx'] as const
export type HttpProxy = (typeof HTTP_PROXIES)[number]

const MAX_CONNECTIONS = 6_000
/** To a target, waiting for requests. */
const IDLE_UPSTREAMS = 256
/** Longer than any measurement. */
const TIMEOUT_SECONDS = 600

/**
 * haproxy in HTTP mode, or nginx: one thread, kept and shared connections to its targets, `X-Forwarded-For`. Gives the
 * host the routes' addresses.
 *
 * @throws {Error} when it does not run
 */
export async function startHttpProxy(
  lab: Lab,
  host: LabHost,
  { proxy, routes }: { readonly proxy: HttpProxy; readonly routes: readonly ProxyRoute[] },
): Promise<LabProcess> {
  for (const { ip } of routes) await mustExec(host, ['ip', 'address', 'replace', `${ip}/32`, 'dev', 'lo'])
  const folder = join(lab.logFolder, `http-${proxy}`)
  const file = `${folder}.conf`
  await writeFile(file, proxy === 'haproxy' ? haproxyConfig(routes) : nginxProxyConfig(folder, routes))
  const command =
    proxy === 'haproxy' ? ['haproxy', '-db', '-f', file] : ['nginx', '-e', `${folder}.error.log`, '-c', file]
  const started = host.spawn(command)
  const [first] = routes
  await mustExec(host, [
    'sh',
    '-c',
    `until curl -s -o /dev/null http://${first?.ip}:${first?.port}/; do sleep 0.05; done`,
  ])
  if (!started.running) throw new Error(`${proxy} on ${host.name} has ended: see ${started.logFile}`)
  return started
}

function haproxyConfig(routes: readonly ProxyRoute[]): string {
  const proxies = routes.map(({ name, ip, port, isHttp2, targets, hashHeader }) => {
    const protocol = isHttp2 ? ' proto h2' : ''
    const servers = targets.map((target, index) => `  server s${index} ${target}${protocol}`)
    const balance = hashHeader === undefined ? 'roundrobin' : `hdr(${hashHeader})`
    return `
listen ${name}
  bind ${ip}:${port}${protocol} backlog 4096
  balance ${balance}
  hash-type consistent
${servers.join('\n')}`
  })
  return `
global
  maxconn ${MAX_CONNECTIONS}
  nbthread 1
defaults
  mode http
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client ${TIMEOUT_SECONDS}s
  timeout server ${TIMEOUT_SECONDS}s
  timeout http-keep-alive ${TIMEOUT_SECONDS}s
${proxies.join('\n')}
`
}

function nginxProxyConfig(folder: string, routes: readonly ProxyRoute[]): string {
  const servers = routes.map(({ name, ip, port, isHttp2, targets, hashHeader }) => {
    const hash = hashHeader === undefined ? '' : `hash $http_${hashHeader.replaceAll('-', '_')} consistent;`
    return `
  upstream ${name} {
    ${hash} ${targets.map((target) => `server ${target};`).join(' ')}
    keepalive ${IDLE_UPSTREAMS}; keepalive_requests 100000000;
  }
  server {
    listen ${ip}:${port}${isHttp2 ? ' http2' : ''} backlog=4096;
    location / { ${isHttp2 ? `grpc_pass grpc://${name};` : passHttp1(name)} }
  }`
  })
  return nginxConfig(folder, servers.join('\n'))
}

function passHttp1(upstream: string): string {
  const headers = 'proxy_set_header Connection ""; proxy_set_header Host $http_host;'
  const forwarded = 'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;'
  return `proxy_pass http://${upstream}; proxy_http_version 1.1; proxy_max_temp_file_size 0; ${headers} ${forwarded}`
}
