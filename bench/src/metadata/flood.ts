import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { ALL_FAULTS, MetaServerDouble, ObjectStore } from '@edgeway/testbed'
import { type CloudPort, cloudService, cloudSlice, put } from './cloud-objects.ts'
import { periodsAt } from './periods.ts'
import { RestartedAgent } from './restarted-agent.ts'

export interface FloodReport {
  /** How often MetaServer was found to wait for its reader. */
  readonly stalls: number
  /** Services that were delivered, and those that the paused consumer knew of by then. */
  readonly delivered: number
  readonly consumed: number
  /** Those that it knew of in the end. */
  readonly consumedInTheEnd: number
}

const SERVICES = 300
/** Together far more than all buffers between MetaServer and its reader hold. */
const ANNOTATION_BYTES = 50_000
const PORT: CloudPort = { name: 'http', port: 80, targetPort: 8_080 }
/** Save those that lose an event of a watch for its reader: here each one is waited for. */
const FAULTS = { ...ALL_FAULTS, watchDropsNextVersion: false, watchGap: false }
const POLL_MS = 5
const MAX_MS = 30_000

/** Megabytes of changes reach an agent whose consumer does nothing for the time. */
export async function flood(): Promise<FloodReport> {
  await using running = new AsyncDisposableStack()
  const folder = await mkdtemp(`${tmpdir()}/edgeway-flood-`)
  running.defer(async () => await rm(folder, { recursive: true }))
  const store = new ObjectStore({ admission: false })
  const double = running.use(await MetaServerDouble.start({ faults: FAULTS, rttMs: 1 }, { store }))
  // Lists would bring what the watch does not: there is one at the start only.
  const options = { probeIntervalMs: periodsAt(100).metadata.probeIntervalMs }
  const plan = { url: double.url, options, folder, onNotice: () => {} }
  const agent = running.use(await RestartedAgent.start(plan))
  const until = async (condition: () => boolean): Promise<void> => {
    const deadline = performance.now() + MAX_MS
    while (!condition() && performance.now() < deadline) await delay(POLL_MS)
  }
  await until(() => double.stats.watches >= 3)
  let stalls = 0
  const delivered = (): number => [...agent.services.servicePorts()].length
  agent.pauseConsumer(true)
  for (let index = 0; index < SERVICES; index++) putFat(store, index)
  await until(() => {
    if (double.stats.stalled) stalls += 1
    return double.stats.queued === 0 && delivered() >= SERVICES
  })
  const atTheEnd = { delivered: delivered(), consumed: agent.consumed.size }
  agent.pauseConsumer(false)
  await until(() => agent.consumed.size >= SERVICES)
  return { stalls, ...atTheEnd, consumedInTheEnd: agent.consumed.size }
}

function putFat(store: ObjectStore, index: number): void {
  const key = `flood/s-${index}`
  const service = cloudService(key, `10.97.${Math.floor(index / 250)}.${(index % 250) + 1}`, [PORT])
  const annotations = { 'example.org/ballast': 'x'.repeat(ANNOTATION_BYTES) }
  put(store, { ...service, metadata: { ...service.metadata, annotations } })
  put(store, cloudSlice(key, [PORT], [{ node: 'edge-2', ip: '10.1.0.1', ready: true }]))
}
