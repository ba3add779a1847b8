import type { Program } from '@edgeway/runtime'
import manifest from '../package.json' with { type: 'json' }
import { COMMANDS } from './commands/commands.ts'
import { type TunnelServerConfig, tunnelServerConfigSchema } from './config.ts'

/** What the command line knows of the tunnel server, except how it runs. */
export const TUNNEL_SERVER: Omit<Program<TunnelServerConfig>, 'run'> = {
  name: 'tunnel-server',
  summary: 'The part of edgeway that runs in the cloud: enrolment of nodes, registry and relay.',
  version: manifest.version,
  schema: tunnelServerConfigSchema,
  commands: COMMANDS,
}
