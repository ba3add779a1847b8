export { AddressError, JoinTokenError, KeyFileError, MembersFileError } from './errors.ts'
export { PrivateFile } from './private-file.ts'
export {
  DEFAULT_RELAY_SERVER_OPTIONS,
  RelayServer,
  type RelayServerOptions,
  type RelayServerState,
} from './server/relay-server.ts'
export type { StoredValue } from './stored-value.ts'
export { Tunnel, type TunnelDeps } from './tunnel.ts'
export { DEFAULT_TUNNEL_OPTIONS, type TunnelOptions } from './tunnel-options.ts'
