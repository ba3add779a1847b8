import { describe, expect, it } from 'vitest'
import type { OwnEndpoint } from './own-endpoint.ts'
import type { RunningPod } from './pod-runtime.ts'
import { locate } from './whereabouts.ts'

/** From `namespace/name#uid ip`. */
function endpoint(text: string): OwnEndpoint {
  const [, namespace = '', name = '', uid, ip = ''] = /^(\w+)\/([\w-]+)(?:#(\w+))? (\S+)$/.exec(text) ?? []
  return { ip, port: 80, protocol: 'TCP', pod: { namespace, name, uid } }
}

function pod(text: string, more: Partial<RunningPod> = {}): RunningPod {
  const [reference = '', ips = ''] = text.split(' ')
  const [namespace = '', name = '', uid = ''] = reference.split(/[/#]/)
  const list = ips === '-' ? [] : ips.split(',')
  return { namespace, name, uid, ips: list, isHostNetwork: false, createdAt: 1, ...more }
}

function located(endpoints: readonly OwnEndpoint[], pods: readonly RunningPod[]): object {
  return Object.fromEntries(locate(endpoints, pods, () => '192.168.1.9'))
}

describe('locate', () => {
  it('finds a pod at its new address by its uid, of the same family', () => {
    const endpoints = [endpoint('shop/web-0#u1 10.1.0.2'), endpoint('shop/web-0#u1 fd00::2')]

    expect(located(endpoints, [pod('shop/web-0#u1 10.1.0.7,fd00::7')])).toEqual({
      '10.1.0.2': { ip: '10.1.0.7' },
      'fd00::2': { ip: 'fd00::7' },
    })
  })

  it('finds a static pod, which has another uid in the API, by its name', () => {
    expect(located([endpoint('shop/web-0#mirror 10.1.0.2')], [pod('shop/web-0#u1 10.1.0.7')])).toEqual({
      '10.1.0.2': { ip: '10.1.0.7' },
    })
  })

  it('tells addresses apart that changed places', () => {
    const endpoints = [endpoint('shop/a 10.1.0.2'), endpoint('shop/b 10.1.0.3')]

    expect(located(endpoints, [pod('shop/a#u1 10.1.0.3'), pod('shop/b#u2 10.1.0.2')])).toEqual({
      '10.1.0.2': { ip: '10.1.0.3' },
      '10.1.0.3': { ip: '10.1.0.2' },
    })
  })

  it('takes the newest sandbox of a pod that was started again', () => {
    const pods = [pod('shop/a#u1 10.1.0.8', { createdAt: 2 }), pod('shop/a#u1 10.1.0.7', { createdAt: 1 })]

    expect(located([endpoint('shop/a#u1 10.1.0.2')], pods)).toEqual({ '10.1.0.2': { ip: '10.1.0.8' } })
  })

  it('says that an address is taken when another pod has it and its own does not run', () => {
    expect(located([endpoint('shop/a 10.1.0.2')], [pod('shop/b#u2 10.1.0.2')])).toEqual({
      '10.1.0.2': 'taken',
    })
  })

  it('knows nothing of pods that do not run and of endpoints without pod', () => {
    const byHand: OwnEndpoint = { ip: '10.1.0.9', port: 80, protocol: 'TCP' }

    expect(located([endpoint('shop/a 10.1.0.2'), byHand], [pod('shop/b#u2 10.1.0.9')])).toEqual({})
  })

  it("has pods of the node's network at the node's present address", () => {
    const pods = [pod('shop/a#u1 -', { isHostNetwork: true })]

    expect(located([endpoint('shop/a 192.168.1.5')], pods)).toEqual({ '192.168.1.5': { ip: '192.168.1.9' } })
  })

  it("does not count the node's own address as taken by a pod of the node's network", () => {
    const pods = [pod('shop/b#u2 192.168.1.5', { isHostNetwork: true })]

    expect(located([endpoint('shop/a 192.168.1.5')], pods)).toEqual({})
  })

  it('leaves an address to the pod that still has it, whoever else is stored with it', () => {
    const endpoints = [endpoint('shop/ghost 10.1.0.2'), endpoint('shop/a 10.1.0.2')]
    const pods = [pod('shop/ghost#u1 10.1.0.7', { createdAt: 9 }), pod('shop/a#u2 10.1.0.2')]

    expect(located(endpoints, pods)).toEqual({ '10.1.0.2': { ip: '10.1.0.2' } })
  })
})
