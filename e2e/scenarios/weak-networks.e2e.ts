import { setTimeout as delay } from 'node:timers/promises'
import { type LabHost, Mesh, roundTrip, type Topology } from '@edgeway/testbed'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { leaveRecords } from '../support/crowd.ts'
import type { LightCallOutcome } from '../support/light-agents-plan.ts'
import { LightAgents } from '../support/light-mesh.ts'
import { report } from '../support/report.ts'

/** Each weak network is that of a site of its own; all are behind NATs that can't be punched. */
const WEAK = ['distant', 'narrow', 'flapping'] as const
const FAR = 'far'
const TOPOLOGY: Topology = {
  cloud: [{ name: 'cloud', address: '45.80.0.10' }],
  sites: [...WEAK, FAR].map((name) => ({
    ...{ name, nat: 'symmetric', subnet: '192.168.1.0/24' },
    nodes: [{ name }],
  })),
}
const ROUND_TRIP_MS = 500
const LOSS = { sentPercent: 5, receivedPercent: 5 }
const NARROW = { bitsPerSecond: 64_000 }
/** Of a registry that is 2 s of work for the narrow link, if it were told as one. */
const RECORDS = 200
const DOWN_MS = 10_000
/** A link that is up 10 s of each minute has to do; a loaded machine gets more. */
const MOST_UP_MS = 20_000
const CYCLES = 3
/** In the time that bulk takes, others call, too: 8 s of the narrow link. */
const BULK_BYTES = 64_000

describe.concurrent('on weak networks', () => {
  let mesh: Mesh
  let far: LightAgents

  beforeAll(async () => {
    mesh = await Mesh.start({
      topology: TOPOLOGY,
      bystanders: ['cloud', ...WEAK, FAR],
      logLevel: 'info',
    })
    far = await LightAgents.start(mesh, { host: mesh.lab.node(FAR), nodes: [FAR] })
    await until(async () => (await far.joined()).length > 0)
    await leaveRecords(mesh, mesh.lab.node('cloud'), RECORDS)
  }, 200_000)
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]()
  })

  it('a node 500 ms away that loses 5 % enrols, is called and calls, and keeps its session', async ({
    expect,
  }) => {
    const host = mesh.lab.node('distant')
    await using _delay = await mesh.lab.emulateWan(mesh.lab.router('distant'), roundTrip(ROUND_TRIP_MS))
    await mesh.lab.setLoss(host, LOSS)
    const agent = await joined(host)
    expect(await timed('call out, 500 ms and 5 %', agent.call('distant', targetOf(FAR)))).toEqual(
      relayedTo(FAR),
    )
    expect(await timed('call in', far.call(FAR, targetOf('distant')))).toEqual(relayedTo('distant'))

    // A question each 15 s: some get no answer at once.
    await delay(20_000)
    expect(await timed('call after a while', agent.call('distant', targetOf(FAR)))).toEqual(relayedTo(FAR))
    await knowsAll(agent)
    const joins = (await agent.log.entries()).filter(({ message }) => message === 'joined the tunnel server')
    expect(joins).toHaveLength(1)
  })

  it('a node at 64 kbit/s joins a cluster of 200 nodes, and calls while records and bulk come', async ({
    expect,
  }) => {
    const host = mesh.lab.node('narrow')
    await mesh.lab.limitRate(host, NARROW)
    const agent = await joined(host)
    // Not all records are there yet.
    expect(await timed('call out, 64 kbit/s', agent.call('narrow', targetOf(FAR)))).toEqual(relayedTo(FAR))
    expect(await timed('call in', far.call(FAR, targetOf('narrow')))).toEqual(relayedTo('narrow'))

    await knowsAll(agent)
    const received = await bytesOf(host)
    report('bytes until all records are there', received, 'B')
    expect(received).toBeLessThan(600_000)
    const bulk = timed('bulk', agent.call('narrow', targetOf(FAR), BULK_BYTES))
    const small = timed('call beside bulk', agent.call('narrow', targetOf(FAR)))
    expect(await Promise.all([bulk, small])).toEqual([relayedTo(FAR), relayedTo(FAR)])
    const joins = (await agent.log.entries()).filter(({ message }) => message === 'joined the tunnel server')
    expect(joins).toHaveLength(1)
  })

  it('a node whose link comes and goes is called each time that it is up, without a storm', async ({
    expect,
  }) => {
    const host = mesh.lab.node('flapping')
    await using _delay = await mesh.lab.emulateWan(mesh.lab.router('flapping'), roundTrip(ROUND_TRIP_MS))
    const agent = await joined(host)
    const before = { bytes: await bytesOf(host), lines: await agent.log.mark() }
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      await mesh.lab.setLink(host, 'down')
      // Somebody always calls, so that the end of the link is noticed.
      const [unheard] = await Promise.all([agent.call('flapping', targetOf(FAR)), delay(DOWN_MS)])
      expect(unheard).not.toEqual(relayedTo(FAR))
      await mesh.lab.setLink(host, 'up')
      const outcome = await Promise.race([timed('call, link just up', called(agent)), delay(MOST_UP_MS)])
      expect(outcome).toEqual(relayedTo(FAR))
    }
    report('bytes in three cycles', (await bytesOf(host)) - before.bytes, 'B')
    expect((await bytesOf(host)) - before.bytes).toBeLessThan(400_000)
    expect((await agent.log.mark()) - before.lines).toBeLessThan(12 * CYCLES)
    await knowsAll(agent)
  })

  async function joined(host: LabHost): Promise<LightAgents> {
    const agent = await LightAgents.start(mesh, { host, nodes: [host.name] })
    const started = performance.now()
    await until(async () => (await agent.joined()).length > 0)
    report(`${host.name} has joined`, Math.round(performance.now() - started))
    return agent
  }

  /** Calls until one is answered. */
  async function called(agent: LightAgents): Promise<LightCallOutcome | undefined> {
    for (;;) {
      const outcome = await agent.call('flapping', targetOf(FAR))
      if (outcome?.kind === 'answer') return outcome
      await delay(100)
    }
  }
})

/** Waits until an agent has all records. */
async function knowsAll(agent: LightAgents): Promise<void> {
  await until(async () => ((await agent.agents())[0]?.peers ?? 0) >= RECORDS)
}

/** Vitest's own polling needs the one test that runs. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = AbortSignal.timeout(60_000)
  while (!(await isSo())) await delay(100, undefined, { signal: deadline })
}

async function timed<T>(what: string, running: Promise<T>): Promise<T> {
  const started = performance.now()
  const result = await running
  report(what, Math.round(performance.now() - started))
  return result
}

/** That a host's link has carried, both ways. */
async function bytesOf({ plan, namespace }: LabHost): Promise<number> {
  const folder = `/sys/class/net/${plan.uplink?.device}/statistics`
  const { stdout } = await namespace.exec(['cat', `${folder}/rx_bytes`, `${folder}/tx_bytes`])
  return stdout
    .trim()
    .split('\n')
    .reduce((sum, text) => sum + Number(text), 0)
}

function targetOf(node: string): string {
  return `${node}/10.244.0.1:80`
}

function relayedTo(node: string): LightCallOutcome {
  return { kind: 'answer', by: node, path: 'relayed' }
}
