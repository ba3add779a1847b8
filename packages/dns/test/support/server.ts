import type { NodeName } from '@edgeway/core'
import { FakeComponentDeps, FakeServiceDirectory, serviceOf } from '@edgeway/testbed'
import { DnsServer } from '../../src/dns-server.ts'
import { DEFAULT_DNS_OPTIONS, type DnsOptions } from '../../src/options.ts'
import type { FakeUpstream } from './fake-upstream.ts'

/** A responder on loopback with a Service `web.shop` and what it was given. */
export async function startServer(
  options: Partial<Omit<DnsOptions, 'upstreams'>> & {
    upstreams?: readonly Pick<FakeUpstream, 'name'>[]
  } = {},
  { nodeAddress6, loaded = true }: { readonly nodeAddress6?: string; readonly loaded?: boolean } = {},
) {
  const deps = new FakeComponentDeps()
  const services = new FakeServiceDirectory({ loaded })
  services.set(serviceOf('shop/web:http', '10.96.0.1', 80))
  const { upstreams = [], ...others } = options
  const server = await DnsServer.start(
    {
      ...DEFAULT_DNS_OPTIONS,
      listenPort: 0,
      resolvConf: '/nonexistent/resolv.conf',
      // Tests of forwarding ask the same again.
      cacheBytes: 0,
      ...others,
      upstreams: upstreams.map(({ name }) => name),
    },
    { ...deps, services, nodeAddress: '127.0.0.1', nodeAddress6, nodeName: 'edge-1' as NodeName },
  )
  return {
    deps,
    services,
    server,
    address: server.address,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
