import { PATHS, type Path } from '@edgeway/core'
import { type CommandResult, kernelFlows, type LabHost, type LogEntry, type Mesh } from '@edgeway/testbed'

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

/** Exit codes of curl(1). Each has other causes too, so they alone prove nothing. */
const CURL_COULD_NOT_RESOLVE = 6
const CURL_FAILED_TO_CONNECT = 7

/** An agent writes a flow's line when its last byte has gone. */
const LOG_DEADLINE_MS = 20_000

/** Makes the call and finds out how it travelled: the node's kernel knows what it carried, the agent's log the rest. */
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
    ms: Math.round(seen.ms * 10) / 10,
    answer: seen.answer,
  }

  /** `null` when neither tells. */
  async function pathOf(service: string): Promise<Path | null> {
    if (await stayedInKernel(mesh, host, call)) return 'local'
    // The same log has the flows that come from other nodes.
    const matches = ({ message, ...fields }: LogEntry): boolean =>
      message === 'flow ended' && fields['direction'] === 'outbound' && fields['service'] === service
    const flow = await log.waitFor(matches, { mark, timeoutMs: LOG_DEADLINE_MS }).catch(() => undefined)
    return PATHS.find((candidate) => candidate === flow?.['path']) ?? null
  }
}

/** Whether the caller's own node has the pod and sent the connection there without its agent. */
async function stayedInKernel(mesh: Mesh, client: LabHost, { answeredBy = '' }: Call): Promise<boolean> {
  const [name] = answeredBy.split(' ')
  const pod = mesh.lab.hosts.find((host) => host.name === name)
  if (pod === undefined || pod.plan.kind !== 'pod') return false
  return (await kernelFlows(client, mesh.lab.pod(pod.name))) > 0
}

function callerOf(mesh: Mesh, name: string): { readonly host: LabHost; readonly node: string } {
  const host = mesh.lab.hosts.find((candidate) => candidate.name === name)
  if (host === undefined) throw new Error(`no host ${name} in the lab`)
  return { host, node: host.plan.kind === 'pod' ? mesh.lab.pod(name).node.name : name }
}

async function fetchPage(host: LabHost, url: string): Promise<Observation> {
  const options = ['--silent', '--show-error', '--verbose', '--max-time', '10']
  const result = await host.exec(['curl', ...options, '--write-out', '\\n%{time_total}', url])
  const lines = result.stdout.split('\n')
  const ms = Number(lines.at(-1)) * 1_000
  if (result.code !== 0) return { ...(await failureOf(host, url, result)), ms }
  const identity = /"pod":"(?<pod>[^"]*)","node":"(?<node>[^"]*)"/.exec(lines[0] ?? '')?.groups
  if (identity === undefined) return { outcome: 'failed', answer: 'not one of the demo’s pods', ms }
  return { outcome: 'answer', answer: `${identity['pod']} on ${identity['node']}`, ms }
}

async function failureOf(
  host: LabHost,
  url: string,
  { code, stderr }: CommandResult,
): Promise<Omit<Observation, 'ms'>> {
  if (code === CURL_COULD_NOT_RESOLVE && (await isUnknown(host, new URL(url).hostname)))
    return { outcome: 'nxdomain', answer: 'no such name' }
  if (code === CURL_FAILED_TO_CONNECT && stderr.includes('Connection refused'))
    return { outcome: 'refused', answer: 'connection refused' }
  return { outcome: 'failed', answer: stderr.trim().split('\n').at(-1) ?? '' }
}

/** True when the DNS says that there is no such name; not when it is silent or fails. */
async function isUnknown(host: LabHost, name: string): Promise<boolean> {
  const { stdout } = await host.exec(['dig', '+search', name])
  return stdout.includes('status: NXDOMAIN')
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
