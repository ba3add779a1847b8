import { formatServicePortName } from '@edgeway/core'
import { endpointsOf, FakeComponentDeps, FakeServiceDirectory, serviceOf } from '@edgeway/testbed'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { FakeListenerDirectory } from '../test/fake-listener-directory.ts'
import { NodeLab } from '../test/node-lab.ts'
import { NftablesBackend } from './nftables-backend.ts'
import { DEFAULT_NODE_DEVICE_OPTIONS, NodeDevice } from './node-device.ts'
import { DEFAULT_PROXIER_OPTIONS, Proxier } from './proxier.ts'

const GROUP_ID = 4_242
const WEB = formatServicePortName('shop', 'web', 'http')
const LISTENER = { ip: '169.254.96.16', port: 15_001 }

/** The whole package, against the real kernel. */
describe('Proxier on a node', () => {
  let lab: NodeLab
  let device: NodeDevice
  let deps: FakeComponentDeps
  let services: FakeServiceDirectory
  let listeners: FakeListenerDirectory

  beforeAll(async () => {
    lab = await NodeLab.create()
    device = await NodeDevice.start(DEFAULT_NODE_DEVICE_OPTIONS, { ...new FakeComponentDeps(), run: lab.run })
    await lab.answer({ as: 'agent', ...LISTENER })
  })

  afterAll(async () => {
    await device[Symbol.asyncDispose]()
    await lab[Symbol.asyncDispose]()
  })

  beforeEach(() => {
    deps = new FakeComponentDeps()
    services = new FakeServiceDirectory()
    listeners = new FakeListenerDirectory()
    services.set(serviceOf('shop/web:http', '10.96.0.1', 80), endpointsOf('10.1.0.1:8080'))
    services.set(serviceOf('shop/empty', '10.96.0.2', 80))
    listeners.set(WEB, LISTENER)
  })

  async function start(resyncIntervalMs = DEFAULT_PROXIER_OPTIONS.resyncIntervalMs): Promise<Proxier> {
    const options = { ...DEFAULT_PROXIER_OPTIONS, resyncIntervalMs, groupId: GROUP_ID }
    const backend = new NftablesBackend(GROUP_ID, lab.run)
    const proxier = await Proxier.start(options, { ...deps, services, listeners, backend })
    await vi.waitFor(() => expect(deps.readiness.shut).toEqual([]), { timeout: 10_000 })
    return proxier
  }

  /** Waits until a call from the pod is answered so. */
  async function untilPodGets(answer: string, ip = '10.96.0.1'): Promise<void> {
    await vi.waitFor(async () => expect(await lab.call(lab.pod, ip)).toEqual({ [answer]: 1 }), {
      timeout: 10_000,
    })
  }

  it('intercepts what has endpoints and a listener, refuses what has no endpoint', async () => {
    await using _proxier = await start()

    expect(await lab.call(lab.pod, '10.96.0.1')).toEqual({ agent: 1 })
    expect(await lab.call(lab.node, '10.96.0.1')).toEqual({ agent: 1 })
    expect(await lab.call(lab.pod, '10.96.0.2')).toEqual({ ECONNREFUSED: 1 })
    expect(await lab.call(lab.node, '10.96.0.2')).toEqual({ ECONNREFUSED: 1 })
  })

  it('follows changes', async () => {
    await using _proxier = await start()

    services.setEndpoints(WEB, [])
    await untilPodGets('ECONNREFUSED')
    services.setEndpoints(WEB, endpointsOf('10.1.0.2:8080'))
    await untilPodGets('agent')
    listeners.set(WEB, undefined)
    await untilPodGets('world')
  })

  it('leaves no rule behind', async () => {
    await using proxier = await start()
    await proxier[Symbol.asyncDispose]()

    expect(await lab.call(lab.pod, '10.96.0.1')).toEqual({ world: 1 })
    expect(await lab.shell('nft list ruleset')).toBe('')
  })

  it('repairs what a stranger flushed, and counts it', async () => {
    await using _proxier = await start(100)

    await lab.shell('nft flush ruleset')

    await untilPodGets('agent')
    expect(deps.metrics.value('edgeway_proxier_drifts_total')).toBe(1)
  })

  it('keeps the rules of a crashed process until it knows the Services, then replaces them', async () => {
    await new NftablesBackend(GROUP_ID, lab.run).apply([
      { mode: 'AGENT', ip: '10.96.0.7', protocol: 'TCP', port: 80, listener: LISTENER },
    ])
    services = new FakeServiceDirectory({ loaded: false })
    const options = { ...DEFAULT_PROXIER_OPTIONS, groupId: GROUP_ID }
    const backend = new NftablesBackend(GROUP_ID, lab.run)
    await using _proxier = await Proxier.start(options, { ...deps, services, listeners, backend })
    expect(await lab.call(lab.pod, '10.96.0.7')).toEqual({ agent: 1 })

    services.set(serviceOf('shop/web:http', '10.96.0.1', 80), endpointsOf('10.1.0.1:8080'))
    services.load()

    await untilPodGets('agent', '10.96.0.1')
    await untilPodGets('world', '10.96.0.7')
  })
})
