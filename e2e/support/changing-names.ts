/**
 * Makes headless Services with one endpoint each, then moves the endpoint of each to another address, at a steady pace, while
 * clients ask for all names. Finds out when each change is in effect by asking for that name only, and whether anybody
 * got an answer that could not be true: an address that was never the name's, the new one before the change, the old one
 * after somebody had got the new one, none at all. Writes a `ChangesReport`.
 *
 *     changing-names.ts PLAN      `ChangesPlan` as JSON
 */
import { Resolver } from 'node:dns/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { ChangesPlan, ChangesReport } from './changes-report.ts'

const plan = JSON.parse(process.argv[2] ?? '{}') as ChangesPlan
const AT_ONCE = 8
const TIMEOUT_MS = 2_000
const MAX_TOLD = 10
const SLICES = `/apis/discovery.k8s.io/v1/namespaces/${plan.namespace}/endpointslices`

type State = 'before' | 'changing' | 'after'

interface Name {
  readonly index: number
  readonly text: string
  readonly before: string
  readonly after: string
  state: State
}

const names = Array.from({ length: plan.names }, (_, index): Name => {
  const host = `${Math.floor(index / 250)}.${(index % 250) + 1}`
  const text = `n-${index}.${plan.namespace}.svc.cluster.local`
  return { index, text, before: `10.245.${host}`, after: `10.246.${host}`, state: 'before' }
})
const wrong: string[] = []
let wrongCount = 0
let asked = 0
let isOver = false

class Client {
  readonly #resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 1 })

  constructor() {
    this.#resolver.setServers([plan.server])
  }

  /** @returns the addresses, or the code of an error */
  async ask({ text }: Name): Promise<string> {
    try {
      return (await this.#resolver.resolve4(text)).join(' ')
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : String(error)
    }
  }

  /** Asks, and notes an answer that can't be true. */
  async check(name: Name): Promise<string> {
    const asking = name.state
    const answer = await this.ask(name)
    const isTrue =
      answer === name.before ? asking !== 'after' : answer === name.after && name.state !== 'before'
    if (!isTrue) {
      wrongCount += 1
      const told = `${name.text} was ${answer} when it was asked ${asking} the change and answered ${name.state} it`
      if (wrong.length < MAX_TOLD) wrong.push(told)
    }
    return answer
  }
}

async function send(method: 'POST' | 'PUT', path: string, object: object): Promise<void> {
  const response = await fetch(plan.api + path, { method, body: JSON.stringify(object) })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  await response.body?.cancel()
}

function sliceOf({ index }: Name, address: string): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace: plan.namespace,
      name: `n-${index}-1`,
      labels: { 'kubernetes.io/service-name': `n-${index}` },
    },
    addressType: 'IPv4',
    ports: [{ name: 'main', protocol: 'TCP', port: 80 }],
    endpoints: [{ addresses: [address], conditions: { ready: true }, nodeName: plan.node }],
  }
}

async function make(name: Name): Promise<void> {
  await send('POST', `/api/v1/namespaces/${plan.namespace}/services`, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: plan.namespace, name: `n-${name.index}` },
    spec: { clusterIP: 'None', ports: [{ name: 'main', protocol: 'TCP', port: 80 }] },
  })
  await send('POST', SLICES, sliceOf(name, name.before))
}

/** Resolves when all names are answered. */
async function makeAll(): Promise<void> {
  const waiting = names.values()
  const maker = async (): Promise<void> => {
    for (const name of waiting) await make(name)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, maker))
  const client = new Client()
  for (const name of names) while ((await client.ask(name)) !== name.before) await delay(20)
}

/** @returns how long it took until somebody was told of it, in milliseconds */
async function change(name: Name, client: Client): Promise<number> {
  const started = performance.now()
  name.state = 'changing'
  const sent = send('PUT', `${SLICES}/n-${name.index}-1`, sliceOf(name, name.after))
  while ((await client.check(name)) !== name.after) await delay(1)
  name.state = 'after'
  const took = performance.now() - started
  await sent
  return took
}

async function changeAll(): Promise<readonly number[]> {
  const started = performance.now()
  const follower = new Client()
  const changes: Promise<number>[] = []
  for (const name of names) {
    const due = started + (name.index * 1_000) / plan.changesPerSecond
    if (due > performance.now()) await delay(due - performance.now())
    changes.push(change(name, follower))
  }
  return await Promise.all(changes)
}

async function askAny(): Promise<void> {
  const client = new Client()
  while (!isOver) {
    const name = names[Math.floor(Math.random() * names.length)]
    if (name !== undefined) await client.check(name)
    asked += 1
  }
}

await makeAll()
const clients = Array.from({ length: plan.clients }, askAny)
const times = (await changeAll()).toSorted((a, b) => a - b)
isOver = true
await Promise.all(clients)
// Nobody may come back to what was.
const last = new Client()
for (const name of names) await last.check(name)
const quantile = (share: number): number => Math.round(times[Math.floor(times.length * share)] ?? 0)
const report: ChangesReport = {
  changes: times.length,
  p50Ms: quantile(0.5),
  p99Ms: quantile(0.99),
  longestMs: Math.round(times.at(-1) ?? 0),
  asked,
  wrong,
  wrongCount,
}
process.stdout.write(`${JSON.stringify(report)}\n`)
