import { once } from 'node:events'
import { DnsServer } from '@edgeway/dns'
import { Metadata } from '@edgeway/metadata'
import { NodeDevice, Proxier } from '@edgeway/proxier'
import { type ProcessHost, Runtime } from '@edgeway/runtime'
import { DirectDialer, NodeAwareDialer, Traffic } from '@edgeway/traffic'
import { Tunnel } from '@edgeway/tunnel'
import {
  dnsOptionsOf,
  type EdgeAgentConfig,
  metadataOptionsOf,
  nodeNameOf,
  tunnelOptionsOf,
} from './config/config.ts'
import { warnIfNodeIsUnknown } from './node-check.ts'

/** Starts every component in dependency order, runs until the process is to stop, stops them in reverse. */
export async function runAgent(config: EdgeAgentConfig, host: ProcessHost): Promise<void> {
  host.setGroupId(config.groupId)
  const nodeName = nodeNameOf(config, host.nodeName)
  await using components = new AsyncDisposableStack()

  const { deps } = components.use(await Runtime.start(config, host))
  const logger = deps.logger.child({ component: 'agent' })
  const metadataOptions = metadataOptionsOf(config, host.apiServer)
  logger.info('agent starts', { node: nodeName, source: metadataOptions.source })
  // Gates come with their components: this one keeps the process from being ready while some are still missing.
  const started = deps.readiness.gate('agent')

  const metadata = components.use(await Metadata.start(metadataOptions, { ...deps, nodeName }))
  const { services, names, nodes } = metadata
  const tunnel = components.use(await Tunnel.start(tunnelOptionsOf(config), { ...deps, nodeName }))
  const device = components.use(await NodeDevice.start(config.device, deps))
  const ownAddresses = { nodeAddress: device.address, nodeAddress6: device.address6 }
  const dns = components.use(
    await DnsServer.start(dnsOptionsOf(config, metadataOptions), {
      ...deps,
      ...ownAddresses,
      services: names,
      nodeName,
    }),
  )
  const dialer = new NodeAwareDialer({
    nodeName,
    nodes,
    local: new DirectDialer('local'),
    routed: new DirectDialer('routed'),
    tunnel: tunnel.dialer,
  })
  const view = { ...deps, services, nodes, nodeName }
  const traffic = components.use(await Traffic.start(config.traffic, { ...view, ...ownAddresses, dialer }))
  tunnel.serve(traffic.inbound)
  const proxierOptions = { ...config.proxier, groupId: config.groupId, deviceName: device.name }
  const { listeners, health } = traffic
  const { clusterDnsListeners: nodeListeners } = dns
  components.use(await Proxier.start(proxierOptions, { ...view, listeners, nodeListeners, health }))

  started.open()
  logger.info('agent runs')
  void warnIfNodeIsUnknown(nodeName, { services, nodes, logger, shutdown: host.shutdown })
  if (!host.shutdown.aborted) await once(host.shutdown, 'abort')
  logger.info('agent stops')
}
