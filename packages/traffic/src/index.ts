export { DirectDialer } from './dial/direct-dialer.ts'
export { NodeAwareDialer, type NodeAwareDialerDeps } from './dial/node-aware-dialer.ts'
export { DEFAULT_TRAFFIC_OPTIONS, Traffic, type TrafficDeps, type TrafficOptions } from './traffic.ts'
