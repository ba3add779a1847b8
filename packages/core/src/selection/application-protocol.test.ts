import { describe, expect, it } from 'vitest'
import { formatServicePortName, formatVirtualServicePortName } from '../model/service.ts'
import { declaredProtocol } from './application-protocol.ts'

function declared(
  { port = '', appProtocol }: { port?: string; appProtocol?: string | undefined },
  annotations: Readonly<Record<string, string>> = {},
): ReturnType<typeof declaredProtocol> {
  const name = formatServicePortName('shop', 'web', port)
  return declaredProtocol({ name, appProtocol, protocol: 'TCP' }, annotations)
}

describe('declaredProtocol', () => {
  it.each([
    ['http', 'http'],
    ['HTTP', 'http'],
    ['kubernetes.io/ws', 'http'],
    ['kubernetes.io/wss', 'tls'],
    ['kubernetes.io/h2c', 'http2'],
    ['http2', 'http2'],
    ['grpc', 'grpc'],
    ['grpc-web', 'http'],
    ['https', 'tls'],
    ['tls', 'tls'],
    ['tcp', 'tcp'],
    ['redis', 'tcp'],
    ['example.com/own', 'tcp'],
  ])('is by appProtocol %s: %s', (appProtocol, protocol) => {
    expect(declared({ appProtocol })).toBe(protocol)
  })

  it.each([
    ['http', 'http'],
    ['http-web', 'http'],
    ['http2', 'http2'],
    ['grpc-api', 'grpc'],
    ['grpc-web', 'http'],
    ['grpc-web-1', 'http'],
    ['https-alt', 'tls'],
    ['tcp-echo', 'tcp'],
    ['httpd', undefined],
    ['web', undefined],
    ['web-http', undefined],
    ['', undefined],
  ])('is by the name of a port "%s": %s', (port, protocol) => {
    expect(declared({ port })).toBe(protocol)
  })

  it('goes by the annotation first, then by appProtocol, then by the name', () => {
    const wish = { 'edgeway.io/protocol': 'grpc' }

    expect(declared({ port: 'tcp', appProtocol: 'https' }, wish)).toBe('grpc')
    expect(declared({ port: 'tcp', appProtocol: 'https' })).toBe('tls')
    expect(declared({ port: 'tcp', appProtocol: '' })).toBe('tcp')
  })

  it('passes over an annotation that it does not know', () => {
    expect(declared({ port: 'http' }, { 'edgeway.io/protocol': 'gopher' })).toBe('http')
  })

  it('is for a virtual ServicePort what it is for the Service', () => {
    const name = formatVirtualServicePortName(formatServicePortName('shop', 'db', 'grpc-api'), 'http-0')

    expect(declaredProtocol({ name, appProtocol: undefined, protocol: 'TCP' }, {})).toBe('grpc')
  })

  it('is nothing for UDP, whatever is said', () => {
    const name = formatServicePortName('shop', 'web', 'http')

    expect(
      declaredProtocol({ name, appProtocol: 'http', protocol: 'UDP' }, { 'edgeway.io/protocol': 'http' }),
    ).toBe(undefined)
  })
})
