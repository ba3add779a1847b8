import type { Draw, Weighted } from './draw.ts'
import type { World } from './world.ts'

/** Breaks something, and says what. What is broken stays so until `mend`. */
export type Disturbance = (draw: Draw, world: World) => Promise<string>

/** What happens to a node's link, to both its ends and to the agent. */
export const RESTARTS: readonly Weighted<Disturbance>[] = [
  { weight: 3, value: linkDown },
  { weight: 3, value: linkHalfOpen },
  { weight: 2, value: linkFlaps },
  { weight: 3, value: restartCloudcore },
  { weight: 2, value: restartEdge },
  { weight: 2, value: wipeEdge },
  { weight: 3, value: restartAgent },
  { weight: 3, value: crashAgent },
]

/** What goes wrong while everything is there. */
export const TROUBLES: readonly Weighted<Disturbance>[] = [
  { weight: 3, value: dropEvents },
  { weight: 2, value: deny },
  { weight: 2, value: slowDown },
  { weight: 3, value: pauseConsumer },
]

const RESOURCES = [
  { group: '', version: 'v1', resource: 'services' },
  { group: '', version: 'v1', resource: 'endpoints' },
  { group: '', version: 'v1', resource: 'nodes' },
  { group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices' },
] as const

const MAX_FLAP_MS = 30_000
const MAX_CLOUDCORE_DOWN_MS = 30_000
const MAX_ROUND_TRIP_MS = 500

async function linkDown(_draw: Draw, { double }: World): Promise<string> {
  double.setLink({ state: 'down' })
  return 'link down'
}

async function linkHalfOpen(_draw: Draw, { double }: World): Promise<string> {
  double.setLink({ state: 'half-open' })
  return 'link half-open'
}

async function linkFlaps(draw: Draw, { double, periods }: World): Promise<string> {
  const flapMs = (): number => 1 + draw.below(MAX_FLAP_MS / periods.speed)
  const [flapUpMs, flapDownMs] = [flapMs(), flapMs()]
  double.setLink({ state: 'flap', flapUpMs, flapDownMs })
  return `link flaps, ${flapUpMs} ms up, ${flapDownMs} ms down`
}

async function restartCloudcore(draw: Draw, { double, periods }: World): Promise<string> {
  const downMs = draw.below(MAX_CLOUDCORE_DOWN_MS / periods.speed)
  double.restartCloudcore(downMs)
  return `cloudcore restarts, ${downMs} ms down`
}

async function restartEdge(_draw: Draw, { double }: World): Promise<string> {
  await double.restartEdge()
  return 'edge restarts'
}

/** A node that has lost its database, and can't ask anybody, has nothing to tell. */
async function wipeEdge(draw: Draw, { double }: World): Promise<string> {
  const isAlone = draw.below(2) === 0
  if (isAlone) double.setLink({ state: 'down' })
  await double.restartEdge({ wipe: true })
  return `edge restarts, its database is lost${isAlone ? ', link down' : ''}`
}

async function restartAgent(_draw: Draw, world: World): Promise<string> {
  await world.restartAgent()
  return 'agent restarts'
}

async function crashAgent(_draw: Draw, world: World): Promise<string> {
  await world.crashAgent()
  return 'agent crashes'
}

async function dropEvents(draw: Draw, { double }: World): Promise<string> {
  const count = 1 + draw.below(3)
  double.dropNextEvent(count)
  return `${count} deliveries are lost`
}

async function deny(draw: Draw, { double }: World): Promise<string> {
  const resource = draw.one(RESOURCES)
  double.deny(resource)
  return `${resource.resource} are denied`
}

async function slowDown(draw: Draw, { double, periods }: World): Promise<string> {
  const rttMs = draw.below(MAX_ROUND_TRIP_MS / periods.speed)
  double.setLink({ rttMs })
  return `round trips of ${rttMs} ms`
}

async function pauseConsumer(_draw: Draw, { agent }: World): Promise<string> {
  agent.pauseConsumer(true)
  return 'consumer pauses'
}

/** Takes all of it back, save restarts that are under way. */
export function mend({ double, agent }: World): void {
  double.setLink({ state: 'up', rttMs: 0 })
  for (const resource of RESOURCES) double.deny(resource, false)
  agent.pauseConsumer(false)
}
