import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadConfig } from '@edgeway/runtime'
import { describe, expect, it } from 'vitest'
import {
  dnsOptionsOf,
  edgeAgentConfigSchema,
  metadataOptionsOf,
  nodeNameOf,
  tunnelOptionsOf,
} from './config.ts'

const EXAMPLE = fileURLToPath(new URL('../../config.example.yaml', import.meta.url))
const MINIMAL = {
  apiVersion: 'edgeway.io/v1alpha1',
  kind: 'EdgeAgentConfiguration',
  tunnel: { servers: ['tunnel.example.com:20006'] },
}

describe('the config of the edge agent', () => {
  it('is what the example says, where nothing else is given', async () => {
    const example = await loadConfig(EXAMPLE, edgeAgentConfigSchema)

    expect(example).toEqual({ ...edgeAgentConfigSchema.parse(MINIMAL), nodeName: 'edge-1' })
  })

  it.each(['127.0.0.1:53', '[fd00::1]:53', 'fd00::1', '::', '1.1.1.1'])(
    'takes %s as an upstream',
    (upstream) => {
      const config = edgeAgentConfigSchema.parse({ ...MINIMAL, dns: { upstreams: [upstream] } })

      expect(config.dns.upstreams).toEqual([upstream])
    },
  )

  it.each([
    'tunnel.example.com:20006',
    'ws://tunnel.example.com',
    'wss://tunnel.example.com:8443',
    'wss://[fd00::1]',
    'wss://1.2.3.4/',
  ])('takes %s as a tunnel server', (server) => {
    const config = edgeAgentConfigSchema.parse({ ...MINIMAL, tunnel: { servers: [server] } })

    expect(config.tunnel.servers).toEqual([server])
  })

  it('stands in the example with every field, and each group of them is explained', async () => {
    const example = await readFile(EXAMPLE, 'utf8')

    const { nodeName: _, ...config } = await loadConfig(EXAMPLE, edgeAgentConfigSchema)
    expect(example.match(/^ *\w+(?=:)/gm)?.map((key) => key.trim())).toEqual(
      expect.arrayContaining([...fieldsOf(config), 'nodeName']),
    )
    for (const section of example.split('\n\n')) expect(section).toContain('#')
  })

  it.each([
    { wrong: { tunel: {} }, message: /tunel: unknown field/ },
    { wrong: { traffic: { listenPort: '15001' } }, message: /traffic\.listenPort: expected number/ },
    {
      wrong: { tunnel: { servers: ['tunnel.example.com'] } },
      message: /tunnel\.servers\[0\]: expected host:port/,
    },
    {
      wrong: { tunnel: { servers: ['h:0'] } },
      message: /tunnel\.servers\[0\]: expected host:port, .*found "h:0"/,
    },
    {
      wrong: { tunnel: { servers: ['wss://h/path'] } },
      message:
        /tunnel\.servers\[0\]: expected host:port, ws:\/\/host\[:port\] or wss:\/\/host\[:port\], found "wss:\/\/h\/path"/,
    },
    { wrong: { tunnel: { servers: ['https://h'] } }, message: /tunnel\.servers\[0\]: expected host:port/ },
    { wrong: { tunnel: { servers: ['h:65536'] } }, message: /tunnel\.servers\[0\]: expected host:port/ },
    {
      wrong: { dns: { upstreams: ['1.1.1.1:99999'] } },
      message: /dns\.upstreams\[0\]: expected an IP address/,
    },
    { wrong: { dns: { upstreams: ['1.1.1'] } }, message: /dns\.upstreams\[0\]: expected an IP address/ },
    { wrong: { dns: { clusterDomain: 'a..b' } }, message: /dns\.clusterDomain: expected a domain/ },
    {
      wrong: { dns: { stubDomains: [{ domain: 'corp.example.', upstreams: ['10.0.0.1'] }] } },
      message:
        /dns\.stubDomains\[0\]\.domain: expected a domain without a final dot, found "corp\.example\."/,
    },
    {
      wrong: { dns: { stubDomains: ['a', 'b', 'A'].map((domain) => ({ domain, upstreams: ['10.0.0.1'] })) } },
      message: /dns\.stubDomains\[2\]\.domain: expected each domain once/,
    },
    {
      wrong: { dns: { stubDomains: [{ domain: 'corp.example', upstreams: ['ns1'] }] } },
      message: /dns\.stubDomains\[0\]\.upstreams\[0\]: expected an IP address.*found "ns1"/,
    },
    {
      wrong: { dns: { clusterDns: { services: ['kube-dns'] } } },
      message: /dns\.clusterDns\.services\[0\]: expected namespace\/name of a Service, found "kube-dns"/,
    },
    { wrong: { groupId: 2 ** 32 }, message: /groupId: expected at most/ },
    { wrong: { traffic: { drainTimeoutMs: 2 ** 31 } }, message: /drainTimeoutMs: expected at most 86400000/ },
    {
      wrong: { metadata: { source: { kind: 'metaserver', url: 'http://me:secret@127.0.0.1:10550' } } },
      message: /metadata\.source\.url: expected a URL without credentials, .*<redacted>@127/,
    },
    {
      wrong: { metadata: { source: { kind: 'metaserver', tokenFile: '/token' } } },
      message: /metadata\.source: expected no caFile and no tokenFile with an http URL/,
    },
    {
      wrong: { metadata: { ownEndpoints: { criSocket: 'containerd' } } },
      message: /metadata\.ownEndpoints\.criSocket: expected/,
    },
    {
      wrong: { metadata: { virtualAddresses: { ipv4: '240.240.0.0' } } },
      message: /metadata\.virtualAddresses\.ipv4: expected an IPv4 range .*, found "240\.240\.0\.0"/,
    },
    {
      wrong: { metadata: { virtualAddresses: { ipv6: 'fe80::/64' } } },
      message: /metadata\.virtualAddresses\.ipv6: expected an IPv6 range .*, found "fe80::\/64"/,
    },
    { wrong: { tunnel: {} }, message: /tunnel\.servers: missing/ },
    { wrong: { kind: 'EdgeAgent' }, message: /kind: expected "EdgeAgentConfiguration"/ },
    { wrong: { dataDir: 'data' }, message: /dataDir: expected an absolute path/ },
  ])('refuses $wrong by name', async ({ wrong, message }) => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'edge-agent-'))
    const file = join(folder.path, 'config.yaml')
    await writeFile(file, JSON.stringify({ ...MINIMAL, ...wrong }))

    await expect(loadConfig(file, edgeAgentConfigSchema)).rejects.toThrow(message)
  })

  it('takes the API server as its source in a pod that is told of one, MetaServer elsewhere, and what is configured', () => {
    const config = edgeAgentConfigSchema.parse(MINIMAL)
    const configured = edgeAgentConfigSchema.parse({
      ...MINIMAL,
      metadata: { source: { kind: 'metaserver', url: 'http://127.0.0.1:1' } },
    })

    const told = { host: '10.96.0.1', port: '443' }
    expect(metadataOptionsOf(config, told).source).toEqual({ kind: 'apiserver', apiServer: told })
    expect(metadataOptionsOf(config, undefined).source).toEqual({
      kind: 'metaserver',
      url: 'http://127.0.0.1:10550',
    })
    expect(metadataOptionsOf(configured, told).source).toEqual({
      kind: 'metaserver',
      url: 'http://127.0.0.1:1',
    })
  })

  it("answers for the cluster's DNS where MetaServer tells of the cluster, unless configured otherwise", () => {
    const atEdge = { source: { kind: 'metaserver', url: 'http://127.0.0.1:10550' } } as const
    const inCloud = { source: { kind: 'apiserver' } } as const
    const intercepts = (dns: object) => {
      const config = edgeAgentConfigSchema.parse({ ...MINIMAL, dns })
      return [atEdge, inCloud].map((metadata) => dnsOptionsOf(config, metadata).clusterDns.intercept)
    }

    expect(intercepts({})).toEqual([true, false])
    expect(intercepts({ clusterDns: { intercept: 'on' } })).toEqual([true, true])
    expect(intercepts({ clusterDns: { intercept: 'off' } })).toEqual([false, false])
  })

  it('keeps the key in the data directory, and takes the node name of the process unless configured', () => {
    const config = edgeAgentConfigSchema.parse({ ...MINIMAL, dataDir: '/data' })

    expect(tunnelOptionsOf(config).keyFile).toBe('/data/key')
    expect(nodeNameOf(config, 'host')).toBe('host')
    expect(nodeNameOf({ ...config, nodeName: 'edge-1' }, 'host')).toBe('edge-1')
  })
})

/** The names of all fields, those within fields included. */
function fieldsOf(value: object): string[] {
  return Object.entries(value).flatMap(([key, inner]) =>
    typeof inner === 'object' && !Array.isArray(inner) ? [key, ...fieldsOf(inner)] : [key],
  )
}
