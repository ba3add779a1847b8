import { PATHS, type Path } from '@edgeway/core'
import type { CommandResult, LabHost, Mesh } from '@edgeway/testbed'

/** What a call is expected to end with. */
export type Outcome = 'answer' | 'nxdomain' | 'refused'

/** A call by one of the lab's hosts; a URL of scheme `tcp:` reads what the server says first. */
export interface Call {
  readonly name: string
  /** A pod, or a node for a call of a host process. */
  readonly from: string
  readonly url: string
  readonly expected: Outcome
  /** Where an answer is expected: which pod answers, how the call travels, and for which ServicePort. */
  readonly answeredBy?: string
  readonly paths?: readonly Path[]
  readonly service?: string
}

export interface CallResult {
  readonly name: string
  readonly from: string
  readonly to: string
  readonly path: Path | null
  readonly expected: Outcome
  readonly ok: boolean
  readonly ms: number
  /** For people: who answered, or how the call ended. */
  readonly answer: string
}

/** What the client saw: its own verdict, a text for people, and how long it took. */
interface Observation {
  readonly outcome: Outcome | 'failed'
  readonly answer: string
  readonly ms: number
}

/** Exit codes of curl(1). */
const CURL_COULD_NOT_RESOLVE = 6
const CURL_FAILED_TO_CONNECT = 7

/** Makes the call and finds out how it travelled from the log of the caller's own agent. */
export async function makeCall(mesh: Mesh, call: Call): Promise<CallResult> {
  const { host, node } = callerOf(mesh, call.from)
  const { log } = mesh.agent(node)
  const mark = await log.mark()
  const seen = call.url.startsWith('tcp:')
    ? await readBanner(host, call.url)
    : await fetchPage(host, call.url)
  const path = seen.outcome === 'answer' && call.service !== undefined ? await pathOf(call.service) : null
  const right =
    seen.outcome === call.expected &&
    (call.answeredBy === undefined || seen.answer.includes(call.answeredBy)) &&
    (call.paths === undefined || (path !== null && call.paths.includes(path)))
  const { name, from, expected } = call
  return {
    name,
    from,
    to: new URL(call.url).host,
    path,
    expected,
    ok: right,
    ms: seen.ms,
    answer: seen.answer,
  }

  async function pathOf(service: string): Promise<Path | null> {
    const flow = await log.waitFor(
      (entry) => entry.message === 'flow ended' && entry['service'] === service,
      { mark },
    )
    return PATHS.find((candidate) => candidate === flow['path']) ?? null
  }
}

function callerOf(mesh: Mesh, name: string): { readonly host: LabHost; readonly node: string } {
  const host = mesh.lab.hosts.find((candidate) => candidate.name === name)
  if (host === undefined) throw new Error(`no host ${name} in the lab`)
  return { host, node: host.plan.kind === 'pod' ? mesh.lab.pod(name).node.name : name }
}

async function fetchPage(host: LabHost, url: string): Promise<Observation> {
  const result = await host.exec([
    'curl',
    '--silent',
    '--max-time',
    '10',
    '--write-out',
    '%{time_total}',
    url,
  ])
  const [body = '', seconds = '0'] = result.stdout.includes('\n')
    ? result.stdout.split('\n')
    : ['', result.stdout]
  const ms = Number(seconds) * 1_000
  if (result.code === 0) {
    const { pod, node } = JSON.parse(body) as { readonly pod: string; readonly node: string }
    return { outcome: 'answer', answer: `${pod} on ${node}`, ms }
  }
  return { ...failureOf(result), ms }
}

function failureOf({ code, stderr }: CommandResult): Omit<Observation, 'ms'> {
  if (code === CURL_COULD_NOT_RESOLVE) return { outcome: 'nxdomain', answer: 'no such name' }
  if (code === CURL_FAILED_TO_CONNECT) return { outcome: 'refused', answer: 'connection refused' }
  return { outcome: 'failed', answer: `curl failed with code ${code} ${stderr}`.trim() }
}

async function readBanner(host: LabHost, url: string): Promise<Observation> {
  const { hostname, port } = new URL(url)
  const started = performance.now()
  // bash alone: connect, and read the line that the server sends before the client said anything.
  const script = `exec 3<>/dev/tcp/${hostname}/${port} && IFS= read -r -t 10 line <&3 && echo "$line"`
  const { code, stdout, stderr } = await host.exec(['bash', '-c', script])
  const ms = performance.now() - started
  if (code === 0) return { outcome: 'answer', answer: stdout.trim(), ms }
  return { outcome: 'failed', answer: stderr.trim(), ms }
}
