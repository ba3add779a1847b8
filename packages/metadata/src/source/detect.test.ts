import { expect, it } from 'vitest'
import { detectSource } from './detect.ts'

it.each([
  ['that is told of no API server', undefined, { kind: 'metaserver', url: 'http://127.0.0.1:10550' }],
  [
    'in the cloud',
    { host: '10.96.0.1', port: '443' },
    { kind: 'apiserver', apiServer: { host: '10.96.0.1', port: '443' } },
  ],
  [
    'on an edge node whose MetaServer is secure',
    { host: '169.254.30.10', port: '10550' },
    {
      kind: 'metaserver',
      url: 'https://169.254.30.10:10550',
      caFile: '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt',
      tokenFile: '/var/run/secrets/kubernetes.io/serviceaccount/token',
    },
  ],
])('a pod %s has its source', (_where, apiServer, source) => {
  expect(detectSource(apiServer)).toEqual(source)
})
