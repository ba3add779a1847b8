import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { NetworkNamespace, uniqueLabId } from '@edgeway/testbed'
import { expect, it } from 'vitest'
import type { ProxiedCall } from './test/proxied-calls.ts'

const CALLS = fileURLToPath(new URL('test/proxied-calls.ts', import.meta.url))
const CLIENT = { ip: '192.0.2.7', port: 40_000 }
const CALLED = { ip: '10.96.0.1', port: 443 }
const CLIENT6 = { ip: '2001:db8::7', port: 40_001 }
const CALLED6 = { ip: 'fd00:96::1', port: 444 }

/** Each answers with client, its port, called address, its port, as the header told them. */
const SERVERS = [
  {
    server: 'haproxy',
    command: (folder: string) => ['haproxy', '-db', '-f', `${folder}/server.conf`],
    configuration: () => `
      defaults
        mode http
        timeout client 10s
        timeout server 10s
        timeout connect 10s
      frontend proxied
        bind 127.0.0.1:8080 accept-proxy
        bind [::1]:8080 accept-proxy
        http-request return content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port]"
      `,
    mapped: '::ffff:192.0.2.7',
    local: /^127\.0\.0\.1 \d+ 127\.0\.0\.1 8080$/,
  },
  {
    server: 'nginx',
    command: (folder: string) => ['nginx', '-p', folder, '-c', `${folder}/server.conf`],
    configuration: (folder: string) => `
      daemon off;
      master_process off;
      pid ${folder}/pid;
      error_log stderr;
      events {}
      http {
        access_log off;
        client_body_temp_path ${folder}/body;
        proxy_temp_path ${folder}/proxy;
        fastcgi_temp_path ${folder}/fastcgi;
        uwsgi_temp_path ${folder}/uwsgi;
        scgi_temp_path ${folder}/scgi;
        server {
          listen 127.0.0.1:8080 proxy_protocol;
          listen [::1]:8080 proxy_protocol;
          return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port";
        }
      }
      `,
    mapped: '::ffff:192.0.2.7',
    local: /^$/,
  },
]

it.each(SERVERS)('is understood by $server', async ({ command, configuration, mapped, local }) => {
  const folder = await mkdtemp(`${tmpdir()}/edgeway-proxied-`)
  try {
    await using namespace = await NetworkNamespace.create(`pp${uniqueLabId()}`)
    await writeFile(`${folder}/server.conf`, `${configuration(folder)}\n`)
    namespace.spawn(command(folder))

    const answers = await answersTo(namespace, [
      { ...V4, source: CLIENT, destination: CALLED },
      { ...V6, source: CLIENT6, destination: CALLED6 },
      { ...V6, source: CLIENT, destination: CALLED },
      { ...V4, source: CLIENT6, destination: CALLED6 },
      { ...V4, source: CLIENT, destination: CALLED6 },
      { ...V4 },
    ])

    expect(answers).toEqual([
      '192.0.2.7 40000 10.96.0.1 443',
      '2001:db8::7 40001 fd00:96::1 444',
      '192.0.2.7 40000 10.96.0.1 443',
      '2001:db8::7 40001 fd00:96::1 444',
      `${mapped} 40000 fd00:96::1 444`,
      expect.stringMatching(local),
    ])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

const V4 = { host: '127.0.0.1', port: 8_080 }
const V6 = { host: '::1', port: 8_080 }

async function answersTo(namespace: NetworkNamespace, calls: readonly ProxiedCall[]): Promise<unknown> {
  const run = await namespace.exec([process.execPath, CALLS, JSON.stringify(calls)])
  expect(run).toMatchObject({ code: 0, stderr: '' })
  return JSON.parse(run.stdout)
}
