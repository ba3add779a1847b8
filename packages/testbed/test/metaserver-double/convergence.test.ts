import { describe, expect, it } from 'vitest'
import type { ApiObject } from '../../src/api-double/api-object.ts'
import {
  ALL_FAULTS,
  type Faults,
  NO_FAULTS,
  type Random,
  seededRandom,
} from '../../src/metaserver-double/index.ts'
import { type OpenWatch, RunningMetaServer, SERVICES, service } from './running-metaserver.ts'

const OPERATIONS = 300
const HOUR = 'timeoutSeconds=3600'

/** A life of a node: its cluster changes, its link breaks, both ends restart. */
class Life {
  readonly #server: RunningMetaServer
  readonly #random: Random
  readonly #told: string[] = []
  #watch: OpenWatch

  constructor(server: RunningMetaServer, seed: number, watch: OpenWatch) {
    this.#server = server
    this.#random = seededRandom(seed)
    this.#watch = watch
  }

  get told(): readonly string[] {
    return [...this.#told, ...this.#watch.events]
  }

  async step(): Promise<void> {
    const { double, clock } = this.#server
    const turn = this.#random()
    if (turn < 0.45) await this.#write(this.#draw(12))
    else if (turn < 0.6) await this.#remove(this.#draw(12))
    else if (turn < 0.7) double.setLink({ state: 'down' })
    else if (turn < 0.85) double.setLink({ state: 'up', rttMs: this.#draw(3) * 20 })
    else if (turn < 0.87) double.restartCloudcore(this.#draw(500))
    else if (turn < 0.89) await this.restartEdge(this.#random() < 0.5)
    await clock.advance(this.#draw(800))
  }

  async restartEdge(wipe: boolean): Promise<void> {
    const { double, clock } = this.#server
    await double.restartEdge({ wipe })
    await this.#watch.end().catch(() => 'cut by the restart')
    this.#told.push(...this.#watch.events)
    const opening = this.#server.watch(SERVICES, HOUR)
    // Registering takes a round trip, or all the time there is.
    let isOpen = false
    void opening.then(() => {
      isOpen = true
    })
    while (!isOpen) await clock.advance(20)
    this.#watch = await opening
  }

  async #write(number: number): Promise<void> {
    await this.#server.apply(service(`s${number}`, { spec: { clusterIP: `10.96.0.${this.#draw(200)}` } }))
  }

  async #remove(number: number): Promise<void> {
    await this.#server.remove(`s${number}`).catch(() => 'was not there')
  }

  #draw(count: number): number {
    return Math.floor(this.#random() * count)
  }
}

async function live(server: RunningMetaServer, seed: number): Promise<Life> {
  const life = new Life(server, seed, await server.watch(SERVICES, HOUR))
  for (let step = 0; step < OPERATIONS; step++) await life.step()
  server.double.setLink({ state: 'up', rttMs: 0 })
  await life.restartEdge(false)
  await server.clock.advance(11_000)
  return life
}

async function rows(server: RunningMetaServer): Promise<string[]> {
  server.double.setLink({ state: 'down' })
  return (await server.send(SERVICES)).body.items.map(describeObject).toSorted()
}

function describeObject({ metadata: { name, uid, resourceVersion } }: ApiObject): string {
  return `${name} ${uid} ${resourceVersion}`
}

function truth(server: RunningMetaServer): string[] {
  const kind = server.store.kinds.find('v1', 'Service')
  if (kind === undefined) throw new Error('no Services')
  return server.store.list({ kind, namespace: 'shop' }).items.map(describeObject).toSorted()
}

async function outcome(seed: number, faults: Faults): Promise<unknown> {
  await using server = await RunningMetaServer.start(faults, { seed })
  const life = await live(server, seed)
  return { told: life.told, stats: server.double.stats }
}

describe('a long life', () => {
  it.each([1, 2, 3])('without faults ends with the rows that the cloud has (seed %i)', async (seed) => {
    await using server = await RunningMetaServer.start(NO_FAULTS, { seed })
    await live(server, seed)
    expect(await rows(server)).toEqual(truth(server))
  })

  it('with all faults does not', async () => {
    await using server = await RunningMetaServer.start(ALL_FAULTS, { seed: 1 })
    await live(server, 1)
    expect(await rows(server)).not.toEqual(truth(server))
  })

  it('is the same again for the same seed, with all faults', async () => {
    expect(await outcome(4, ALL_FAULTS)).toEqual(await outcome(4, ALL_FAULTS))
  })
})
