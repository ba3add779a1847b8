export { AddressError, JoinTokenError, KeyFileError, MembersFileError } from './errors.ts'
export {
  DEFAULT_RELAY_SERVER_OPTIONS,
  RelayServer,
  type RelayServerOptions,
  type RelayServerState,
} from './server/relay-server.ts'
export { PrivateFile } from './state/private-file.ts'
export type { StoredValue } from './state/stored-value.ts'
export { Tunnel, type TunnelDeps } from './tunnel.ts'
export { DEFAULT_TUNNEL_OPTIONS, type TunnelOptions } from './tunnel-options.ts'
