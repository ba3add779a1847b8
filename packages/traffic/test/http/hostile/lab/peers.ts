import { mkdir, writeFile } from 'node:fs/promises'
import type { NetworkNamespace } from '@edgeway/testbed'

/** Where a peer listens, and where it passes on to. */
export interface Hop {
  readonly from: number
  readonly to: number
  /** So long a connection is kept without a request. */
  readonly idleMs: number
}

/** So long a peer waits for the rest of a message: nothing in the corpus comes later. */
const PATIENCE_MS = 1_000

function haproxyConfiguration(hops: readonly Hop[]): string {
  const listeners = hops.map(
    ({ from, to, idleMs }) => `
      listen at-${from}
        bind 127.0.0.1:${from}
        timeout http-keep-alive ${idleMs}ms
        server endpoint 127.0.0.1:${to}`,
  )
  return `
      global
        nbthread 1
        maxconn 4000
        tune.bufsize 98304
        tune.http.maxhdr 300
      defaults
        mode http
        maxconn 1000
        http-reuse always
        timeout connect 2s
        timeout client ${PATIENCE_MS}ms
        timeout server 4s
        timeout http-request ${PATIENCE_MS}ms
      ${listeners.join('\n')}
      `
}

function nginxConfiguration(folder: string, hops: readonly Hop[]): string {
  const servers = hops.map(
    ({ from, to, idleMs }) => `
        upstream to-${to} { server 127.0.0.1:${to}; keepalive 4; }
        server {
          listen 127.0.0.1:${from};
          keepalive_timeout ${idleMs}ms;
          location / { proxy_pass http://to-${to}; }
        }`,
  )
  return `
      daemon off;
      master_process off;
      pid ${folder}/pid;
      error_log ${folder}/error.log crit;
      worker_rlimit_nofile 10000;
      events { worker_connections 4000; }
      http {
        access_log off;
        client_body_temp_path ${folder}/body;
        proxy_temp_path ${folder}/proxy;
        fastcgi_temp_path ${folder}/fastcgi;
        uwsgi_temp_path ${folder}/uwsgi;
        scgi_temp_path ${folder}/scgi;
        large_client_header_buffers 8 64k;
        client_header_timeout ${PATIENCE_MS}ms;
        client_body_timeout ${PATIENCE_MS}ms;
        lingering_timeout ${PATIENCE_MS}ms;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_next_upstream off;
        proxy_read_timeout 4s;
        ${servers.join('\n')}
      }
      `
}

/** Starts haproxy in HTTP mode inside, with that hop for each of its listeners, as Debian has it otherwise. */
export async function startHaproxy(namespace: NetworkNamespace, hops: readonly Hop[]): Promise<void> {
  const file = `${namespace.logFolder}/haproxy.conf`
  await mkdir(namespace.logFolder, { recursive: true })
  await writeFile(file, `${haproxyConfiguration(hops)}\n`)
  namespace.spawn(['haproxy', '-db', '-f', file])
}

/** Starts nginx inside, which passes each of its listeners on. */
export async function startNginx(namespace: NetworkNamespace, hops: readonly Hop[]): Promise<void> {
  const folder = `${namespace.logFolder}/nginx`
  await mkdir(folder, { recursive: true })
  await writeFile(`${folder}/nginx.conf`, nginxConfiguration(folder, hops))
  namespace.spawn(['nginx', '-p', folder, '-c', `${folder}/nginx.conf`])
}
