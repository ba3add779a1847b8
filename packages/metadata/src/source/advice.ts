import type { SourceError } from '../errors.ts'
import type { MetadataSource } from './source.ts'

/** Node's names for what is wrong with a certificate, by what its owner can do. */
const UNTRUSTED = [
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_GET_ISSUER_CERT',
  'CERT_SIGNATURE_FAILURE',
]

type Advice = (source: MetadataSource) => string

const BY_CODE: Readonly<Record<string, Advice>> = {
  ECONNREFUSED: (source) =>
    source.kind === 'metaserver'
      ? 'nothing listens there: enable modules.metaManager.metaServer in edgecore.yaml and modules.dynamicController in cloudcore.yaml, or name another metadata.source'
      : 'nothing listens there: check the server of the kubeconfig',
  ENOTFOUND: () => 'the name of its host does not resolve: check metadata.source',
  EAI_AGAIN: () => 'the resolver of the node does not answer: name the source by its address',
  EHOSTUNREACH: () => 'there is no way to that address: check metadata.source and the routes of the node',
  ENETUNREACH: () => 'there is no way to that address: check metadata.source and the routes of the node',
  CERT_HAS_EXPIRED: () => "its certificate has expired: renew it, or set the node's clock",
  CERT_NOT_YET_VALID: () => "its certificate is not valid yet: set the node's clock",
  ERR_TLS_CERT_ALTNAME_INVALID: () =>
    'its certificate is for other names: use one of them in the URL of metadata.source',
  EPROTO: () => 'it speaks no TLS there: begin the URL with http://',
  ERR_SSL_WRONG_VERSION_NUMBER: () => 'it speaks no TLS there: begin the URL with http://',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: () => 'it speaks no TLS there: begin the URL with http://',
  ENOENT: () => 'that file is not there: check caFile and tokenFile of metadata.source, and what is mounted',
  EACCES: () => 'the agent may not read that file: check its owner and mode',
  ...Object.fromEntries(UNTRUSTED.map((code) => [code, adviseOnTrust])),
}

const BY_STATUS: Readonly<Record<number, Advice>> = {
  400: (source) =>
    source.kind === 'metaserver' && source.url.startsWith('http:')
      ? 'if it runs in its secure mode, begin the URL with https:// and name caFile and tokenFile'
      : 'it does not understand the request: check that the URL is that of a Kubernetes API',
  401: (source) =>
    source.kind === 'metaserver' && source.tokenFile === undefined
      ? 'it asks who is there: name a tokenFile in metadata.source'
      : 'it does not accept the token: check that the service account still exists and its token has not expired',
  403: () =>
    'the service account may not read that: apply the ClusterRoles of the manifests, and bind them to it',
  404: () => 'there is no Kubernetes API at that path: check the URL of metadata.source',
}

/** What the owner of the node can do about it; `undefined` where nothing is known. */
export function adviceOn(error: SourceError, source: MetadataSource): string | undefined {
  if (error.status !== undefined) return BY_STATUS[error.status]?.(source)
  const { code } = (error.cause ?? {}) as { readonly code?: unknown }
  return typeof code === 'string' ? BY_CODE[code]?.(source) : undefined
}

function adviseOnTrust(source: MetadataSource): string {
  if (source.kind === 'apiserver')
    return 'its certificate is signed by none that the kubeconfig names: check certificate-authority'
  if (source.caFile === undefined)
    return 'nobody here knows who signed its certificate: name a caFile in metadata.source'
  return `its certificate is not signed by one of ${source.caFile}: name that of the cluster, /etc/kubeedge/pki/metaserver/ca.crt on a node`
}
