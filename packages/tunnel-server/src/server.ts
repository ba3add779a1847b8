import { once } from 'node:events'
import { type ProcessHost, Runtime } from '@edgeway/runtime'
import { RelayServer } from '@edgeway/tunnel'
import type { TunnelServerConfig } from './config.ts'
import { openState } from './state.ts'

/** Starts every component in dependency order, runs until the process is to stop, stops them in reverse. */
export async function runServer(config: TunnelServerConfig, host: ProcessHost): Promise<void> {
  await using components = new AsyncDisposableStack()

  const { deps } = components.use(await Runtime.start(config, host))
  const logger = deps.logger.child({ component: 'server' })
  const started = deps.readiness.gate('server')
  const state = await openState(config, host, { logger, shutdown: host.shutdown })
  const { relay, membership, reflector } = config
  components.use(await RelayServer.start({ ...relay, ...membership, reflector }, { ...deps, state }))

  started.open()
  logger.info('tunnel server runs')
  if (!host.shutdown.aborted) await once(host.shutdown, 'abort')
  logger.info('tunnel server stops')
}
