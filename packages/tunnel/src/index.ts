export {
  AddressError,
  CertificateFileError,
  JoinTokenError,
  KeyFileError,
  StoredValueConflictError,
  StoredValueError,
} from './errors.ts'
export { ClusterKeys } from './identity/cluster-keys.ts'
export { type JoinToken, parseJoinToken } from './identity/join-token.ts'
export { isNodeName } from './identity/node-name.ts'
export { isPeerId } from './identity/peer-id.ts'
export { keyIdOf } from './identity/signed-document.ts'
export { DEFAULT_MEMBERSHIP_OPTIONS, type MembershipOptions } from './server/enrolment/membership-options.ts'
export { DEFAULT_REFLECTOR_OPTIONS, type ReflectorOptions } from './server/reflector/reflector-options.ts'
export {
  DEFAULT_RELAY_SERVER_OPTIONS,
  RelayServer,
  type RelayServerOptions,
} from './server/relay-server.ts'
export type { RelayServerState } from './server/server-state.ts'
export { PrivateFile } from './state/private-file.ts'
export type { StoredValue } from './state/stored-value.ts'
export { Tunnel, type TunnelDeps } from './tunnel.ts'
export { DEFAULT_TUNNEL_OPTIONS, type TunnelOptions } from './tunnel-options.ts'
