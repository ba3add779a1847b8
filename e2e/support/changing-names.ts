/**
 * Makes headless Services with one endpoint each, then moves the endpoint of each to another address, at a steady pace, while
 * clients ask for all names. Finds out when each change is in effect by asking for that name only, and whether anybody
 * got an answer that could not be true: an address that was never the name's, the new one before the change, the old one
 * after somebody had got the new one, none at all. Writes a `ChangesReport`.
 *
 *     changing-names.ts PLAN      `ChangesPlan` as JSON
 */
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import type { ChangesPlan, ChangesReport } from './changes-report.ts'

const plan = JSON.parse(process.argv[2] ?? '{}') as ChangesPlan
const AT_ONCE = 8
/** The first attempt may end after a quarter of a second, whatever is asked for: what a server takes mostly is what counts. */
const ATTEMPTS = { timeout: 2_000, tries: 5 }
/** Queries for names that change, at one time. */
const FOLLOWERS = 4
/** Changes that are not in effect yet, at one time. */
const MAX_CHANGING = 100
const MAX_TOLD = 10
const SLICES = `/apis/discovery.k8s.io/v1/namespaces/${plan.namespace}/endpointslices`

type State = 'before' | 'changing' | 'after'

interface Name {
  readonly index: number
  readonly host: string
  readonly before: string
  readonly after: string
  state: State
}

const names = Array.from({ length: plan.names }, (_, index): Name => {
  const rest = `${Math.floor(index / 250)}.${(index % 250) + 1}`
  const name = `n-${index}.${plan.namespace}.svc.cluster.local`
  return { index, host: name, before: `10.245.${rest}`, after: `10.246.${rest}`, state: 'before' }
})
const wrong: string[] = []
let wrongCount = 0
let asked = 0
let isOver = false

class Client {
  readonly #resolver = new Resolver(ATTEMPTS)

  constructor() {
    this.#resolver.setServers([plan.server])
  }

  /** @returns the addresses, or the code of an error */
  async ask({ host }: Name): Promise<string> {
    try {
      return (await this.#resolver.resolve4(host)).join(' ')
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
      const told = `${name.host} was ${answer} when it was asked ${asking} the change and answered ${name.state} it`
      if (wrong.length < MAX_TOLD) wrong.push(told)
    }
    return answer
  }
}

/** Few connections that are never idle: one that the server closes at that very moment would fail a write. */
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })

async function send(method: 'POST' | 'PUT', path: string, object: object): Promise<void> {
  const sent = request(plan.api + path, { method, agent })
  sent.end(JSON.stringify(object))
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const answer = await text(response)
  const { statusCode = 0 } = response
  if (statusCode >= 300) throw new Error(`${method} ${path}: ${statusCode} ${answer}`)
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

/** Those whose change is not in effect yet, who has not been asked for longest first, and when each was sent. */
const changing = new Map<Name, number>()
const times: number[] = []

/** Sends the changes at their pace, more slowly where too many are not in effect yet. */
async function changeAll(): Promise<void> {
  const started = performance.now()
  const lanes = Array.from({ length: AT_ONCE }, () => Promise.resolve())
  for (const name of names) {
    const due = started + (name.index * 1_000) / plan.changesPerSecond
    while (performance.now() < due || changing.size >= MAX_CHANGING) await delay(1)
    const lane = name.index % AT_ONCE
    lanes[lane] = (lanes[lane] ?? Promise.resolve()).then(() => change(name))
  }
  await Promise.all(lanes)
}

async function change(name: Name): Promise<void> {
  name.state = 'changing'
  changing.set(name, performance.now())
  await send('PUT', `${SLICES}/n-${name.index}-1`, sliceOf(name, name.after))
}

/** Asks for names that change, one after the other, until all have changed. */
async function follow(): Promise<void> {
  const client = new Client()
  while (times.length < names.length) {
    const [next] = changing
    if (next === undefined) {
      await delay(1)
      continue
    }
    const [name, sentAt] = next
    changing.delete(name)
    if ((await client.check(name)) === name.after) {
      name.state = 'after'
      times.push(performance.now() - sentAt)
    } else changing.set(name, sentAt)
  }
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
const begun = performance.now()
const clients = Array.from({ length: plan.clients }, askAny)
await Promise.all([changeAll(), ...Array.from({ length: FOLLOWERS }, follow)])
const seconds = (performance.now() - begun) / 1_000
isOver = true
await Promise.all(clients)
// Nobody may come back to what was.
const last = new Client()
for (const name of names) await last.check(name)
const sorted = times.toSorted((a, b) => a - b)
const quantile = (share: number): number => Math.round(sorted[Math.floor(sorted.length * share)] ?? 0)
const report: ChangesReport = {
  changes: times.length,
  perSecond: Math.round(times.length / seconds),
  p50Ms: quantile(0.5),
  p99Ms: quantile(0.99),
  longestMs: Math.round(sorted.at(-1) ?? 0),
  asked,
  wrong,
  wrongCount,
}
process.stdout.write(`${JSON.stringify(report)}\n`)
