import { clusterServicePortName, type ServicePort } from '../model/service.ts'
import { PROTOCOL_ANNOTATION } from './request-annotations.ts'

/**
 * What the connections of a ServicePort speak: `http` is HTTP/1.1, WebSocket included; `http2` begins with HTTP/2's preface, in
 * plain text; `grpc` is that, too; `tls` is passed through; `tcp` is anything else.
 */
export const APPLICATION_PROTOCOLS = ['http', 'http2', 'grpc', 'tls', 'tcp'] as const

export type ApplicationProtocol = (typeof APPLICATION_PROTOCOLS)[number]

/** Words of `appProtocol` (KEP-1422, KEP-3726), of Istio's names of ports (`http`, `http-web`), and of Istio's `appProtocol`. */
const PROTOCOL_OF_WORD: ReadonlyMap<string, ApplicationProtocol> = new Map([
  ['http', 'http'],
  ['grpc-web', 'http'],
  ['ws', 'http'],
  ['http2', 'http2'],
  ['h2c', 'http2'],
  ['grpc', 'grpc'],
  ['https', 'tls'],
  ['tls', 'tls'],
  ['wss', 'tls'],
  ['tcp', 'tcp'],
  ['mongo', 'tcp'],
  ['mysql', 'tcp'],
  ['redis', 'tcp'],
])

const KUBERNETES_PREFIX = 'kubernetes.io/'

/**
 * What a ServicePort is said to speak: by the Service's annotation, else by `appProtocol`, else by the first word of the
 * port's name. `undefined` where nobody says.
 */
export function declaredProtocol(
  { appProtocol, name, protocol }: Pick<ServicePort, 'appProtocol' | 'name' | 'protocol'>,
  annotations: Readonly<Record<string, string>>,
): ApplicationProtocol | undefined {
  if (protocol !== 'TCP') return undefined
  const wish = annotations[PROTOCOL_ANNOTATION]
  const annotated = APPLICATION_PROTOCOLS.find((known) => known === wish)
  if (annotated !== undefined) return annotated
  if (appProtocol !== undefined && appProtocol !== '') return protocolOfWord(appProtocol) ?? 'tcp'
  return protocolOfPortName(name)
}

function protocolOfWord(appProtocol: string): ApplicationProtocol | undefined {
  const word = appProtocol.toLowerCase()
  return PROTOCOL_OF_WORD.get(
    word.startsWith(KUBERNETES_PREFIX) ? word.slice(KUBERNETES_PREFIX.length) : word,
  )
}

/** `grpc-web-1` is grpc-web, `grpc-api` is grpc. */
function protocolOfPortName(name: ServicePort['name']): ApplicationProtocol | undefined {
  const [, port = ''] = clusterServicePortName(name).split(':')
  const [first = '', second = ''] = port.split('-')
  return PROTOCOL_OF_WORD.get(`${first}-${second}`) ?? PROTOCOL_OF_WORD.get(first)
}
