import type { Service } from '@edgeway/core'
import { FakeServiceDirectory, serviceOf } from '@edgeway/testbed'
import { describe, expect, it } from 'vitest'
import { calledPort } from './called-port.ts'

const LISTENER = { ip: '169.254.96.16', port: 15_001 }

function exposed(text: string, clusterIp: string, nodePort: number): Service {
  const service = serviceOf(text, clusterIp, 80)
  const ports = service.ports.map((port) => ({ ...port, externalIps: ['203.0.113.7'], nodePort }))
  return { ...service, type: 'NodePort', ports }
}

/** What a connection to there called, as text. */
function called(ip: string, port: number): string | undefined {
  const services = new FakeServiceDirectory()
  services.set(exposed('shop/web:http', '10.96.0.1', 30_080))
  services.set(exposed('shop/odd:http', '10.96.0.2', LISTENER.port))
  const found = calledPort({ ip, port }, LISTENER, services)
  return found && `${found.servicePort.name} ${found.scope}`
}

describe('calledPort', () => {
  it.each<[string, string, number, string]>([
    ['a ClusterIP', '10.96.0.1', 80, 'shop/web:http internal'],
    ['an external IP', '203.0.113.7', 80, 'shop/odd:http external'],
    ['a node port', '192.168.7.7', 30_080, 'shop/web:http external'],
    ["a node port at the listener's address", LISTENER.ip, 30_080, 'shop/web:http external'],
    ["a node port with the listener's number", '192.168.7.7', LISTENER.port, 'shop/odd:http external'],
  ])('knows what a connection to %s called', (_what, ...[ip, port, expected]) => {
    expect(called(ip, port)).toBe(expected)
  })

  it('takes a connection to the listener itself for no call, whatever node port has its number', () => {
    expect(called(LISTENER.ip, LISTENER.port)).toBeUndefined()
  })

  it('does not know what a connection to an address and port of no Service called', () => {
    expect(called('10.96.0.1', 81)).toBeUndefined()
  })
})
