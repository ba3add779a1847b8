import { expect, it } from 'vitest'
import { SourceError } from '../errors.ts'
import { adviceOn } from './advice.ts'
import type { MetadataSource } from './source.ts'

const PLAIN: MetadataSource = { kind: 'metaserver', url: 'http://127.0.0.1:10550' }
const SECURE: MetadataSource = {
  kind: 'metaserver',
  url: 'https://127.0.0.1:10550',
  caFile: '/ca.crt',
  tokenFile: '/token',
}
const BARE: MetadataSource = { kind: 'metaserver', url: SECURE.url }
const CLUSTER: MetadataSource = { kind: 'apiserver', kubeconfig: '/config' }

function failed(code: string): SourceError {
  return new SourceError('can not be asked', undefined, { cause: Object.assign(new Error(code), { code }) })
}

it.each([
  [
    'a MetaServer that is not enabled',
    { error: failed('ECONNREFUSED'), source: PLAIN },
    'modules.metaManager.metaServer',
  ],
  [
    'an API server that is not there',
    { error: failed('ECONNREFUSED'), source: CLUSTER },
    'server of the kubeconfig',
  ],
  ['a name that does not resolve', { error: failed('ENOTFOUND'), source: PLAIN }, 'does not resolve'],
  [
    'a certificate of somebody else',
    { error: failed('SELF_SIGNED_CERT_IN_CHAIN'), source: SECURE },
    'not signed by one of /ca.crt',
  ],
  [
    'a certificate and no authority',
    { error: failed('DEPTH_ZERO_SELF_SIGNED_CERT'), source: BARE },
    'name a caFile',
  ],
  [
    'a certificate for others',
    { error: failed('ERR_TLS_CERT_ALTNAME_INVALID'), source: SECURE },
    'for other names',
  ],
  ['an expired certificate', { error: failed('CERT_HAS_EXPIRED'), source: SECURE }, "node's clock"],
  [
    'TLS towards a plain server',
    { error: failed('ERR_SSL_WRONG_VERSION_NUMBER'), source: SECURE },
    'http://',
  ],
  [
    'no TLS towards a secure server',
    { error: new SourceError('bad request', 400), source: PLAIN },
    'https://',
  ],
  ['a missing token', { error: new SourceError('unauthorized', 401), source: PLAIN }, 'name a tokenFile'],
  [
    'a wrong token',
    { error: new SourceError('unauthorized', 401), source: SECURE },
    'does not accept the token',
  ],
  ['a missing right', { error: new SourceError('forbidden', 403), source: CLUSTER }, 'ClusterRoles'],
  ['a wrong path', { error: new SourceError('not found', 404), source: PLAIN }, 'no Kubernetes API'],
])('for %s there is advice', (_what, { error, source }, advice) => {
  expect(adviceOn(error, source)).toContain(advice)
})

it('is none where nothing better is known', () => {
  expect(adviceOn(new SourceError('something'), PLAIN)).toBeUndefined()
  expect(adviceOn(new SourceError('unavailable', 503), PLAIN)).toBeUndefined()
})
