import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { MetaServerDouble, ObjectStore } from '@edgeway/testbed'
import { cpuSeconds } from '../cpu.ts'
import { absolute, type Result } from '../result.ts'
import { AgentProcess } from './agent-process.ts'
import { ENDPOINTS_PER_SERVICE, putServices, putSlice } from './many-objects.ts'

const SERVICES = 10_000
const COMPLETE = {
  ports: SERVICES,
  endpoints: SERVICES * ENDPOINTS_PER_SERVICE,
}
const NOTHING = { ports: 0, endpoints: 0 }
/** Of a Service and its slice. */
const OBJECTS = SERVICES * 2
const CHANGES_PER_SECOND = 100
const CHANGING_SECONDS = 20
/** After that time the store has written what there is, and the agent has come to rest. */
const REST_MS = 5_000
const POLL_MS = 100
const MB = 1e6

/** 10,000 Services with 30,000 endpoints: how long they take to load, and what they and their changes cost. */
export async function measureScale(onStep: (step: string) => void): Promise<Result[]> {
  const folder = await mkdtemp(`${tmpdir()}/edgeway-scale-`)
  try {
    const results = new ScaleResults()
    const empty = await memoryOfNothing(folder)
    const store = new ObjectStore({ admission: false })
    putServices(store, SERVICES)
    const storeFile = `${folder}/edgeway.db`
    {
      await using double = await MetaServerDouble.start({}, { store })
      onStep(`scale-10k: ${SERVICES} Services from a list`)
      await using agent = spawn(double.url, storeFile)
      results.add('load from LIST', 's', (await agent.told('complete')).atMs / 1_000)
      while (double.stats.queued > 0) await delay(POLL_MS)
      await delay(REST_MS)
      const { heapBytes, rssBytes } = await agent.ask('memory')
      results.add('heap per object', 'bytes', (heapBytes - empty) / OBJECTS)
      results.add('RSS', 'MB', rssBytes / MB)
      onStep(`scale-10k: ${CHANGES_PER_SECOND} changes/s for ${CHANGING_SECONDS} s`)
      results.add('CPU per change', 'ms', (await cpuOfChanges(agent.pid, store)) * 1_000)
      await delay(REST_MS)
    }
    onStep('scale-10k: from the store')
    await using agent = spawn('http://127.0.0.1:1', storeFile)
    const { atMs } = await agent.told('started')
    results.add('load from snapshot', 's', (await agent.told('complete')).atMs / 1_000)
    results.add('metadata ready from snapshot', 's', atMs / 1_000)
    return results.list
  } finally {
    await rm(folder, { recursive: true })
  }
}

class ScaleResults {
  readonly list: Result[] = []

  add(metric: string, unit: string, value: number): void {
    this.list.push(absolute({ bench: 'metadata', case: 'scale-10k', metric, unit }, [value]))
  }
}

function spawn(url: string, storeFile: string, complete = COMPLETE): AgentProcess {
  return AgentProcess.spawn({ url, storeFile, nodeName: 'edge-1', complete })
}

/** Bytes that an agent keeps for a cluster without anything. */
async function memoryOfNothing(folder: string): Promise<number> {
  await using double = await MetaServerDouble.start({}, { store: new ObjectStore({ admission: false }) })
  await using agent = spawn(double.url, `${folder}/nothing.db`, NOTHING)
  await agent.told('complete')
  await delay(REST_MS)
  return (await agent.ask('memory')).heapBytes
}

/** @returns CPU seconds per change, beyond those of an agent at rest */
async function cpuOfChanges(pid: number, store: ObjectStore): Promise<number> {
  const cpuWhile = async (work: () => Promise<unknown>): Promise<number> => {
    const before = await cpuSeconds([pid])
    await work()
    return (await cpuSeconds([pid])) - before
  }
  const atRest = await cpuWhile(() => delay(CHANGING_SECONDS * 1_000))
  const changes = CHANGES_PER_SECOND * CHANGING_SECONDS
  const changing = await cpuWhile(async () => {
    const startedAt = performance.now()
    for (let change = 0; change < changes; change++) {
      putSlice(store, change % SERVICES, 1 + Math.floor(change / SERVICES))
      const dueMs = startedAt + ((change + 1) * 1_000) / CHANGES_PER_SECOND - performance.now()
      await delay(Math.max(0, dueMs))
    }
  })
  return (changing - atRest) / changes
}
