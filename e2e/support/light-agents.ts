/**
 * The tunnels of many nodes in one process, each with a key and a folder of its own: as many members behind one NAT. Each
 * answers every call itself, as `http-echo` does. Writes the logs of all to standard output, as agents do.
 *
 *     light-agents.ts PLAN       a `LightAgentsPlan` as JSON
 *
 * Announces the port of its control server, at 127.0.0.1:
 *
 * - `GET /agents`: a list of `LightAgent`
 * - `POST /calls`: a `LightCalls`; answers with an object: the `LightCallOutcome` of each target
 */
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { json, text } from 'node:stream/consumers'
import {
  DialError,
  type FlowAnswer,
  formatServicePortName,
  type LogFields,
  type Logger,
  type LogLevel,
  type NodeName,
} from '@edgeway/core'
import { endpointsOf, FakeComponentDeps } from '@edgeway/testbed'
import { DEFAULT_TUNNEL_OPTIONS, Tunnel } from '@edgeway/tunnel'
import { announce } from './announce.ts'
import type { LightAgent, LightAgentsPlan, LightCallOutcome, LightCalls } from './light-agents-plan.ts'

const CALL_MS = 20_000
const SERVICE = formatServicePortName('apps', 'light', '')

/** One JSON object per line, as the product's own log. */
class LineLogger implements Logger {
  readonly #fields: LogFields

  constructor(fields: LogFields) {
    this.#fields = fields
  }

  error(message: string, fields?: LogFields): void {
    this.#write('error', message, fields)
  }

  warn(message: string, fields?: LogFields): void {
    this.#write('warn', message, fields)
  }

  info(message: string, fields?: LogFields): void {
    this.#write('info', message, fields)
  }

  debug(): void {}

  isEnabled(level: LogLevel): boolean {
    return level !== 'debug'
  }

  child(fields: LogFields): Logger {
    return new LineLogger({ ...this.#fields, ...fields })
  }

  #write(level: LogLevel, message: string, fields: LogFields = {}): void {
    const line = { level, time: new Date().toISOString(), message, ...this.#fields, ...fields }
    process.stdout.write(`${JSON.stringify(line, errorAsText)}\n`)
  }
}

function errorAsText(_key: string, value: unknown): unknown {
  return value instanceof Error ? { ...value, message: value.message } : value
}

/** The tunnel of one node. */
class Member {
  readonly #node: string
  readonly #tunnel: Tunnel
  readonly #deps: FakeComponentDeps

  private constructor(node: string, tunnel: Tunnel, deps: FakeComponentDeps) {
    this.#node = node
    this.#tunnel = tunnel
    this.#deps = deps
  }

  static async start(node: string, plan: LightAgentsPlan): Promise<Member> {
    const deps = new FakeComponentDeps()
    const { servers, joinTokens } = plan
    const folder = join(plan.folder, node)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const joinTokenFile = join(folder, 'join-token')
    await writeFile(joinTokenFile, joinTokens[node] ?? '')
    const options = {
      ...DEFAULT_TUNNEL_OPTIONS,
      ...{ servers, joinTokenFile, listenPort: 0 },
      ...{ keyFile: join(folder, 'key'), dataDir: folder },
      // Dozens on one host would each hear all others, and ask the router.
      ...{ discoverNeighbours: false, portMapping: false },
    }
    const logger = new LineLogger({ node })
    const tunnel = await Tunnel.start(options, { ...deps, logger, nodeName: node as NodeName })
    tunnel.serve({ open: async () => answerAs(node) })
    return new Member(node, tunnel, deps)
  }

  get state(): LightAgent {
    const { metrics, readiness } = this.#deps
    return {
      node: this.#node,
      peerId: this.#tunnel.peerId,
      isJoined: !readiness.shut.includes('tunnel'),
      sessions: metrics.value('edgeway_tunnel_sessions'),
      peers: metrics.value('edgeway_tunnel_peers'),
    }
  }

  async call(target: string, bytes: number): Promise<LightCallOutcome> {
    const [endpoint] = endpointsOf(target)
    if (endpoint === undefined) throw new Error(`not a target: ${target}`)
    try {
      const signal = AbortSignal.timeout(CALL_MS)
      const connection = await this.#tunnel.dialer.dial({ endpoint, service: SERVICE }, signal)
      return { kind: 'answer', by: await answerOf(connection.stream, bytes), path: connection.path }
    } catch (error) {
      if (error instanceof DialError)
        return { kind: 'failed', failure: error.failure, message: error.message }
      return { kind: 'failed', failure: 'other', message: String(error) }
    }
  }

  async stop(): Promise<void> {
    await this.#tunnel[Symbol.asyncDispose]()
  }
}

function answerAs(node: string): FlowAnswer {
  return {
    status: 'ok',
    serve: (stream) => {
      stream.on('error', () => {})
      stream.once('data', (request: Buffer) => {
        const [, bytes = '0'] = /^GET \/bytes\/(\d+) /.exec(request.toString()) ?? []
        stream.write(`{"pod":"${node}"}\n`)
        stream.end(Buffer.alloc(Number(bytes), '.'))
      })
    },
    abandon: () => {},
  }
}

/** @throws {Error} when the flow breaks or is too short, or nobody says who it is */
async function answerOf(stream: Duplex, bytes: number): Promise<string> {
  stream.end(`GET /bytes/${bytes} HTTP/1.1\r\nhost: light\r\nconnection: close\r\n\r\n`)
  const answer = await text(stream)
  const [, pod] = /"pod":"([^"]*)"/.exec(answer) ?? []
  if (pod === undefined || answer.length < bytes) throw new Error(`not an answer: ${answer.slice(0, 1_000)}`)
  return pod
}

const [planText = ''] = process.argv.slice(2)
const plan = JSON.parse(planText) as LightAgentsPlan
const members = new Map<string, Member>()
for (const node of Object.keys(plan.joinTokens))
  try {
    members.set(node, await Member.start(node, plan))
  } catch (error) {
    // An agent of its own would have ended now, with these words.
    new LineLogger({ node }).error('can not start', { error })
  }

async function answer(request: IncomingMessage): Promise<unknown> {
  if (request.url === '/agents') return [...members.values()].map(({ state }) => state)
  const { from, targets, bytes = 0 } = (await json(request)) as LightCalls
  const caller = members.get(from)
  if (caller === undefined) throw new Error(`no agent "${from}" here`)
  const outcomes = await Promise.all(
    targets.map(async (target) => [target, await caller.call(target, bytes)]),
  )
  return Object.fromEntries(outcomes)
}

const control = createServer((request, response) => {
  answer(request)
    .then((value) => response.end(JSON.stringify(value)))
    .catch((error: unknown) => response.writeHead(500).end(String(error)))
})
control.listen(0, '127.0.0.1')
await once(control, 'listening')
announce((control.address() as AddressInfo).port)
await once(process, 'SIGTERM')
control.close()
await Promise.all([...members.values()].map((member) => member.stop()))
process.exit(0)
