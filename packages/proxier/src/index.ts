export { cleanupNode, type NodeCleanup } from './cleanup.ts'
export * from './errors.ts'
export {
  DEFAULT_NODE_DEVICE_OPTIONS,
  NodeDevice,
  type NodeDeviceDeps,
  type NodeDeviceOptions,
} from './node/node-device.ts'
export { DEFAULT_PROXIER_OPTIONS, Proxier, type ProxierDeps, type ProxierOptions } from './proxier.ts'
