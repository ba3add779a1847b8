import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { TrafficOptions } from '../../../../src/index.ts'
import type { PlacedRequest } from '../reading/lenient-reader.ts'
import type { Place } from './call.ts'
import { Edgeway, type ServedPort } from './edgeway.ts'
import { Recorder } from './recorder.ts'
import { endpointPort, LANES, peerPort, type Way } from './ways.ts'

export interface OpenLane {
  readonly way: Way
  readonly lane: number
  /** Where clients call. */
  readonly place: Place
  readonly endpoint: Recorder
  /** Of the endpoint. */
  readonly port: number
}

/** What a program that runs inside is told. */
export interface Run {
  readonly ways: readonly Way[]
  readonly relayEngine: TrafficOptions['relayEngine']
}

/** The endpoints at the ends of all lanes, and the Traffic in front of those that go through it. */
export class LaneSet implements AsyncDisposable {
  readonly all: readonly OpenLane[]
  readonly edgeway: Edgeway
  readonly #stack: AsyncDisposableStack

  private constructor(all: readonly OpenLane[], edgeway: Edgeway, stack: AsyncDisposableStack) {
    this.all = all
    this.edgeway = edgeway
    this.#stack = stack
  }

  /** The peers must have been started. */
  static async start(
    { ways, relayEngine }: Run,
    answer?: (request: PlacedRequest, socket: Socket) => void,
  ): Promise<LaneSet> {
    await using stack = new AsyncDisposableStack()
    const places = ways.flatMap((way) => Array.from({ length: LANES }, (_, lane) => ({ way, lane })))
    const ends: Omit<OpenLane, 'place'>[] = []
    for (const { way, lane } of places) {
      const port = endpointPort(way, lane)
      ends.push({ way, lane, port, endpoint: stack.use(await Recorder.start(port, answer)) })
    }
    await Promise.all(places.map((place) => listening(target(place))))
    const edgeway = stack.use(await Edgeway.start(places.map(served), relayEngine))
    const all = ends.map((end) => ({ ...end, place: placeOf(edgeway, end) }))
    return new LaneSet(all, edgeway, stack.move())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]()
  }
}

type Named = Pick<OpenLane, 'way' | 'lane'>

/** What is in front of the endpoint, or of us: the endpoint itself, or a peer. */
function target({ way, lane }: Named): number {
  return way === 'edgeway' ? endpointPort(way, lane) : peerPort(way, lane)
}

/** Where a peer comes after us, we change heads as well. */
function served(lane: Named): ServedPort {
  return { port: target(lane), rewrites: lane.way !== 'edgeway' }
}

function placeOf(edgeway: Edgeway, lane: Named): Place {
  const port = target(lane)
  return lane.way.startsWith('edgeway') ? edgeway.place(port) : { ip: '127.0.0.1', port, from: '127.0.0.1' }
}

/** Until something listens there. */
async function listening(port: number): Promise<void> {
  for (const deadline = performance.now() + 10_000; ; await delay(20)) {
    const socket = connect({ host: '127.0.0.1', port })
    try {
      await once(socket, 'connect')
      return
    } catch (error) {
      if (performance.now() > deadline) throw error
    } finally {
      socket.destroy()
    }
  }
}
