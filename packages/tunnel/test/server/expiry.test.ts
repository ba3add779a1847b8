import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readMembership } from '../../src/identity/membership.ts'
import { recordKey } from '../../src/protocol/record-version.ts'
import { knownBy } from './circle.ts'
import { linesOf, refusalsOf, ServerMesh, type TestServer, until } from './server-mesh.ts'
import { TestAgent } from './test-agent.ts'

const HOUR = 3_600_000
/** Of a certificate, by default. */
const LIFE = 720 * HOUR

beforeEach(() => vi.useFakeTimers({ toFake: ['Date'] }))
afterEach(() => vi.useRealTimers())

/** Lets time pass, and has the server look at its certificates, as it does every half minute. */
async function pass(mesh: ServerMesh, server: TestServer, ms: number): Promise<void> {
  vi.setSystemTime(Date.now() + ms)
  await (await mesh.keys(server)).revoke({ kind: 'token', value: `at ${Date.now()}` })
}

describe('a session with a tunnel server', () => {
  it('outlives the certificate that it began with where that was renewed, and ends with it otherwise', async () => {
    await using mesh = await ServerMesh.create()
    const server = await mesh.server('one')
    const token = await mesh.standingToken(server)
    await using keeper = await TestAgent.create('edge-1')
    await using sleeper = await TestAgent.create('edge-2')
    const [kept, slept] = [await keeper.appear(server, token), await sleeper.appear(server, token)]
    await until(() => knownBy(server) === 3, 'both records')

    await pass(mesh, server, LIFE * 0.7)
    const { certificate } = keeper
    await until(() => slept.has('bundle'), 'a look at the certificates')
    expect(slept.isOpen).toBe(true)
    await renewBeside(keeper, server)
    kept.send({ type: 'records', records: [keeper.record().wire] })
    await until(() => slept.records.includes(keeper.said?.wire.record ?? ''), 'the record with the new one')
    expect(keeper.certificate).not.toBe(certificate)

    await pass(mesh, server, LIFE * 0.3 + 2 * HOUR)
    expect(await slept.first('refused')).toMatchObject({ reason: 'expired' })
    await slept.ended()
    expect(refusalsOf(server, 'expired')).toBe(1)
    expect(kept.isOpen).toBe(true)
    await until(() => knownBy(server) === 2, 'the end of its record')
    const renewed = await sleeper.ask(server, { type: 'renew', certificate: sleeper.certificate })
    expect(renewed).toMatchObject({ type: 'refused', reason: 'expired' })
    expect(linesOf(server, 'renewed a membership')).toHaveLength(1)
  })

  it('is offered by a server that has renewed its own certificate by itself, and tells all of it', async () => {
    await using mesh = await ServerMesh.create()
    const server = await mesh.server('one')
    await using agent = await TestAgent.create('edge-1')
    const session = await agent.appear(server, await mesh.standingToken(server))
    const [first] = session.all('welcome')
    await pass(mesh, server, LIFE * 0.7)

    const told = () => session.all('records').flatMap(({ records }) => records)
    const isAnother = () => told().some(({ certificate }) => certificate !== first?.certificate)
    // Agents are not told of servers; whoever asks is.
    await until(() => {
      session.send({ type: 'want', keys: [recordKey(server.server.peerId)] })
      return isAnother()
    }, "the server's own record")
    const record = told().find(({ certificate }) => certificate !== first?.certificate)
    const { membership } = readMembership(record?.certificate ?? '')
    expect(membership).toMatchObject({ role: 'server', peerId: server.server.peerId })
    expect(record?.certificate).not.toBe(first?.certificate)
    expect(membership.notAfter * 1_000).toBeGreaterThan(Date.now() + LIFE - HOUR)
  })
})

/** On another connection than that of its session. */
async function renewBeside(agent: TestAgent, server: TestServer): Promise<void> {
  const { certificate } = agent
  expect(await agent.ask(server, { type: 'renew', certificate })).toMatchObject({ type: 'enrolled' })
}
