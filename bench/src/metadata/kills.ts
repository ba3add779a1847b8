import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { MetaServerDouble, ObjectStore, seededRandom } from '@edgeway/testbed'
import { absolute, type Result } from '../result.ts'
import type { AgentOrder, PortView, PortViews } from './agent-messages.ts'
import { AgentProcess } from './agent-process.ts'
import { type CloudPort, cloudService, cloudSlice, put } from './cloud-objects.ts'
import { Draw } from './draw.ts'

const KILLS = 500
/** Agents with a store each, killed at the same time. */
const LOOPS = 2
const SERVICES = 50
const COMPLETE = { ports: SERVICES, endpoints: SERVICES }
const CHANGE_EVERY_MS = 5
/** From the moment when it is started; the first half second is for the process to begin. */
const MAX_LIFE_MS = 2_000
const REST_MS = 2_000
const FIRST_PORT = 1_024
const STEPS = 25

/** An agent is killed over and over, at any moment, while all it knows changes; each start is to know the latest. */
export async function measureKills(seed: number, onStep: (step: string) => void): Promise<Result[]> {
  const folder = await mkdtemp(`${tmpdir()}/edgeway-kills-`)
  try {
    const cloud = new ChangingCloud()
    await using double = await MetaServerDouble.start({}, { store: cloud.store })
    using _changing = cloud.change()
    const loops = await Promise.all(
      Array.from({ length: LOOPS }, async (_, index) => {
        const storeFile = `${folder}/${index}/edgeway.db`
        const order = {
          url: double.url,
          storeFile,
          nodeName: 'edge-1',
          complete: COMPLETE,
        }
        const loop = new KillLoop(order, new Draw(seededRandom(seed + index)))
        await loop.run(KILLS / LOOPS, (done) =>
          onStep(`kill-9: loop ${index + 1}, ${done} of ${KILLS / LOOPS}`),
        )
        return loop
      }),
    )
    const faults = loops.flatMap((loop) => loop.faults)
    for (const fault of faults) onStep(`kill-9: ${fault}`)
    const sum = (of: (loop: KillLoop) => number): number => loops.reduce((all, loop) => all + of(loop), 0)
    return [
      result('kills', KILLS),
      result(
        'starts looked at',
        sum(({ looked }) => looked),
      ),
      result(
        'starts that knew more than before',
        sum(({ advanced }) => advanced),
      ),
      result('wrong starts', faults.length),
    ]
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Each object says in two places which generation it is of: in its port and in its address. */
class ChangingCloud {
  readonly store = new ObjectStore({ admission: false })
  #generation = 0

  constructor() {
    for (let index = 0; index < SERVICES; index++) this.#renew(index)
  }

  /** Until disposal. */
  change(): Disposable {
    const timer = setInterval(() => this.#renew(this.#generation % SERVICES), CHANGE_EVERY_MS)
    return { [Symbol.dispose]: () => clearInterval(timer) }
  }

  #renew(index: number): void {
    this.#generation += 1
    const number = FIRST_PORT + this.#generation
    const key = `bench/s-${index}`
    const port: CloudPort = { name: 'http', port: number, targetPort: number }
    put(this.store, cloudService(key, addressOf('10.96', number), [port]))
    const endpoint = {
      node: 'edge-2',
      ip: addressOf('10.1', number),
      ready: true,
    }
    put(this.store, cloudSlice(key, [port], [endpoint]))
  }
}

class KillLoop {
  readonly faults: string[] = []
  /** Starts that got far enough to tell what they know. */
  looked = 0
  /** Starts that knew more than the one before: what was killed had written. */
  advanced = 0
  readonly #order: AgentOrder
  readonly #draw: Draw
  /** Generations by object, as the last start knew them. */
  readonly #known = new Map<string, number>()

  constructor(order: AgentOrder, draw: Draw) {
    this.#order = order
    this.#draw = draw
  }

  async run(kills: number, onStep: (done: number) => void): Promise<void> {
    await this.#fill()
    for (let kill = 1; kill <= kills; kill++) {
      await using agent = AgentProcess.spawn(this.#order)
      await delay(this.#draw.below(MAX_LIFE_MS))
      if (agent.hasEnded) this.faults.push(`start ${kill}: it ended by itself`)
      if (agent.has('started')) {
        const { view, warnings } = await agent.told('started')
        this.faults.push(...[...warnings, ...this.#look(view)].map((fault) => `start ${kill}: ${fault}`))
      }
      if (kill % STEPS === 0) onStep(kill)
    }
  }

  async #fill(): Promise<void> {
    await using agent = AgentProcess.spawn(this.#order)
    await agent.told('complete')
    await delay(REST_MS)
  }

  /** @returns what is wrong */
  #look(view: PortViews): string[] {
    const before = Math.max(0, ...this.#known.values())
    const missing = view.length === SERVICES ? [] : [`${view.length} of ${SERVICES} Services`]
    const wrong = view.flatMap((port) => this.#wrongOf(port))
    this.looked += 1
    if (Math.max(0, ...this.#known.values()) > before) this.advanced += 1
    return [...missing, ...wrong]
  }

  #wrongOf({ name, address, endpoints }: PortView): string[] {
    const texts = [address, ...endpoints.map(({ text }) => text.replace(/^edge-2\/(.*)\/TCP$/, '$1'))]
    if (texts.length !== 2) return [`${name} has endpoints ${texts.slice(1)}`]
    return texts.flatMap((text, index) => {
      const [ip = '', port = ''] = text.split(':')
      const number = Number(port)
      if (ip !== addressOf(index === 0 ? '10.96' : '10.1', number)) return [`${name} is damaged: ${text}`]
      const id = `${name} ${index}`
      const before = this.#known.get(id) ?? 0
      this.#known.set(id, number)
      return number < before ? [`${name} is older than in the start before: ${text}`] : []
    })
  }
}

function addressOf(prefix: string, number: number): string {
  return `${prefix}.${Math.floor(number / 250) % 250}.${(number % 250) + 1}`
}

function result(metric: string, value: number): Result {
  return absolute({ bench: 'metadata', case: 'kill-9', metric, unit: 'count' }, [value])
}
