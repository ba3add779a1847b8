import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { MetaServerDouble, NetworkNamespace, ObjectStore, uniqueLabId } from '@edgeway/testbed'
import { absolute, type Result } from '../result.ts'
import type { AgentOrder } from './agent-messages.ts'
import { AgentProcess } from './agent-process.ts'
import { ENDPOINTS_PER_SERVICE, putEndpoints, putServices } from './many-objects.ts'

const RUNS = 5
const SERVICES = 1_000
const OWN_NODE = 'edge-1'
/** Two Services have one endpoint each, on the agent's node. */
const OWN_SERVICES = 2
const COMPLETE = {
  ports: SERVICES,
  endpoints: (SERVICES - OWN_SERVICES) * ENDPOINTS_PER_SERVICE + OWN_SERVICES,
}
/** The pod of `bench/s-0` has its address back; that of `bench/s-1` has another one, which nobody here knows. */
const [KEPT, FORMER, NEW] = ['10.244.1.10', '10.244.1.11', '10.244.1.12'] as const
const MOVED = 'bench/s-1:http'
/** Where nobody listens. */
const NOWHERE = 'http://127.0.0.1:1'
/** Until then the store has written what there is. */
const REST_MS = 2_000
const SERVER = `require('node:net').createServer((socket) => socket.end()).listen(8080, () => console.log('listening'))`

/** An agent is killed, and starts with nothing of the cloud: what it knows, and whom of its own pods it trusts. */
export async function measureColdStart(onStep: (step: string) => void): Promise<Result[]> {
  const folder = await mkdtemp(`${tmpdir()}/edgeway-cold-start-`)
  try {
    const order: AgentOrder = {
      url: NOWHERE,
      storeFile: `${folder}/edgeway.db`,
      nodeName: OWN_NODE,
      complete: COMPLETE,
    }
    await fillStore(order)
    await using node = await startNode()
    const runs: ColdStart[] = []
    for (let run = 1; run <= RUNS; run++) {
      onStep(`cold-start-offline: start ${run} of ${RUNS}`)
      runs.push(await startCold(order, node.name))
    }
    return [
      result(
        'loaded',
        's',
        runs.map(({ loadedMs }) => loadedMs / 1_000),
      ),
      result(
        'dead endpoint out of selection',
        's',
        runs.map(({ deadMs }) => deadMs / 1_000),
      ),
      result(
        'wrong endpoints',
        'count',
        runs.map(({ wrong }) => wrong),
      ),
    ]
  } finally {
    await rm(folder, { recursive: true })
  }
}

interface ColdStart {
  readonly loadedMs: number
  readonly deadMs: number
  /** Endpoints whose readiness is not what their pods are. */
  readonly wrong: number
}

/** With everything there, until the agent is killed. */
async function fillStore(order: AgentOrder): Promise<void> {
  const store = new ObjectStore({ admission: false })
  putServices(store, SERVICES)
  for (const [index, ip] of [KEPT, FORMER].entries())
    putEndpoints(store, index, [{ node: OWN_NODE, ip, ready: true }])
  await using double = await MetaServerDouble.start({}, { store })
  await using agent = AgentProcess.spawn({ ...order, url: double.url })
  await agent.told('complete')
  await delay(REST_MS)
}

/** A node whose pods have the addresses of after its reboot, and which reaches nobody else. */
async function startNode(): Promise<NetworkNamespace> {
  const node = await NetworkNamespace.create(`ew${uniqueLabId()}-cold`)
  try {
    for (const ip of [KEPT, NEW]) {
      const { code, stderr } = await node.exec(['ip', 'address', 'add', `${ip}/32`, 'dev', 'lo'])
      if (code !== 0) throw new Error(`no address ${ip}: ${stderr}`)
    }
    await node.spawn([process.execPath, '-e', SERVER]).waitForOutput(/listening/)
    return node
  } catch (error) {
    await node[Symbol.asyncDispose]()
    throw error
  }
}

async function startCold(order: AgentOrder, namespace: string): Promise<ColdStart> {
  await using agent = AgentProcess.spawn(order, namespace)
  const { atMs: loadedMs } = await agent.told('complete')
  const { atMs: deadMs } = await agent.told('unready')
  const { view } = await agent.ask('view')
  const wrong = view.flatMap(({ name, endpoints }) =>
    endpoints.filter(({ ready }) => ready !== (name !== MOVED)),
  )
  return { loadedMs, deadMs, wrong: wrong.length }
}

function result(metric: string, unit: string, values: readonly number[]): Result {
  return absolute({ bench: 'metadata', case: 'cold-start-offline', metric, unit }, values)
}
