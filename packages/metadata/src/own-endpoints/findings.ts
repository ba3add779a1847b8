import { formatEndpoint } from '@edgeway/core'
import { Corrections, NO_CORRECTIONS } from './corrections.ts'
import type { Health } from './health.ts'
import type { OwnEndpoint } from './own-endpoint.ts'
import type { TcpTarget } from './tcp-check.ts'
import type { Whereabouts } from './whereabouts.ts'

/** Health of the addresses that were connected to. */
export type HealthOfTargets = ReadonlyMap<string, Health>

/** What is wrong about this node's endpoints, for the directory and for people. */
export interface Findings {
  readonly corrections: Corrections
  /** For people: which endpoints are dead, which moved and where to; by the stored endpoint. */
  readonly dead: ReadonlyMap<string, string>
  readonly moved: ReadonlyMap<string, string>
}

export const NO_FINDINGS: Findings = { corrections: NO_CORRECTIONS, dead: new Map(), moved: new Map() }

/** Where to connect to for the TCP endpoints, each place once. */
export function targetsOf(
  endpoints: Iterable<OwnEndpoint>,
  whereabouts: Whereabouts,
): Map<string, TcpTarget> {
  const targets = new Map<string, TcpTarget>()
  for (const { ip: stored, port, protocol } of endpoints) {
    const place = whereabouts.get(stored) ?? { ip: stored }
    if (protocol === 'TCP' && place !== 'taken')
      targets.set(targetKey(place.ip, port), { ip: place.ip, port })
  }
  return targets
}

/** Puts together what the runtime and the connects have told of the endpoints. */
export function findingsOf(
  endpoints: Iterable<OwnEndpoint>,
  whereabouts: Whereabouts,
  health: HealthOfTargets,
): Findings {
  const movedIps = new Map<string, string>()
  const deadEndpoints: OwnEndpoint[] = []
  const dead = new Map<string, string>()
  const moved = new Map<string, string>()
  for (const endpoint of endpoints) {
    const { ip: stored, port } = endpoint
    const place = whereabouts.get(stored) ?? { ip: stored }
    const text = textOf(endpoint)
    if (place !== 'taken' && place.ip !== stored) {
      movedIps.set(stored, place.ip)
      moved.set(text, `${text} now at ${place.ip}`)
    }
    if (place === 'taken' || isDead(endpoint, health.get(targetKey(place.ip, port)))) {
      deadEndpoints.push(endpoint)
      dead.set(text, text)
    }
  }
  return { corrections: new Corrections(movedIps, deadEndpoints), dead, moved }
}

function targetKey(ip: string, port: number): string {
  return `${ip} ${port}`
}

/** A port that TCP does not answer on may well be served over UDP. */
function isDead({ protocol }: OwnEndpoint, health: Health | undefined): boolean {
  return protocol === 'TCP' && health === 'dead'
}

function textOf({ ip, port, protocol, pod }: OwnEndpoint): string {
  const address = formatEndpoint({ node: undefined, ip, port, protocol }).slice('-/'.length)
  return pod === undefined ? address : `${pod.namespace}/${pod.name} ${address}`
}
