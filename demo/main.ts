import { Mesh, startDnsUpstream, startHttpEcho, startTcpGreeter } from '@edgeway/testbed'
import { parseDemoArguments, USAGE } from './src/arguments.ts'
import { type CallResult, makeCall } from './src/call.ts'
import { CallTable } from './src/call-table.ts'
import { CALLS } from './src/calls.ts'
import { explorationText } from './src/explore.ts'
import { PICTURE } from './src/picture.ts'
import { MANIFESTS, RESOLVER, TOPOLOGY } from './src/topology.ts'

const HTTP_PORT = 8080
const GREETER_PORT = 2525

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function startWorkloads({ lab }: Mesh): Promise<void> {
  const servers = ['sensor', 'web', 'orders'].map((pod) => startHttpEcho(lab.pod(pod), { port: HTTP_PORT }))
  const upstream = startDnsUpstream(lab.node(RESOLVER), { 'www.example.com': ['45.80.0.80'] })
  await Promise.all([...servers, upstream, startTcpGreeter(lab.pod('greeter'), { port: GREETER_PORT })])
}

async function makeCalls(mesh: Mesh): Promise<CallResult[]> {
  const { isTTY = false, columns = 0 } = process.stdout
  const table = new CallTable(print, { colours: isTTY, width: columns })
  const results: CallResult[] = []
  table.header()
  for (const call of CALLS) {
    const result = await makeCall(mesh, call)
    table.row(result)
    results.push(result)
  }
  return results
}

function summary(results: readonly CallResult[], seconds: number): string {
  const right = results.filter(({ ok }) => ok).length
  const others = right === results.length ? '' : ' The others are marked ✗.'
  return `
  ${right} of ${results.length} calls ended as expected.${others}
  It took ${seconds.toFixed(1)} s, with building the network and starting all processes.`
}

function jsonLine(results: readonly CallResult[]): string {
  const calls = results.map(({ answer: _, ...call }) => call)
  return JSON.stringify({ ok: results.every(({ ok }) => ok), calls })
}

async function runDemo({ keep, json }: { readonly keep: boolean; readonly json: boolean }): Promise<boolean> {
  const started = performance.now()
  const step = (text: string): void =>
    print(`  ${((performance.now() - started) / 1_000).toFixed(1).padStart(5)} s  ${text}`)
  print(PICTURE)
  await using mesh = await Mesh.start({
    topology: TOPOLOGY,
    bystanders: [RESOLVER],
    manifests: MANIFESTS,
    onStep: step,
  })
  step('starting the pods')
  await startWorkloads(mesh)
  step('calling\n')
  const results = await makeCalls(mesh)
  print(summary(results, (performance.now() - started) / 1_000))
  if (keep) {
    mesh.lab.keep()
    print(explorationText(mesh))
  }
  if (json) print(jsonLine(results))
  return results.every(({ ok }) => ok)
}

async function main(): Promise<boolean> {
  const args = parseDemoArguments(process.argv.slice(2))
  if (args.help) {
    print(USAGE)
    return true
  }
  try {
    return await runDemo(args)
  } catch (error) {
    if (args.json) print(JSON.stringify({ ok: false, calls: [], error: sentenceOf(error) }))
    throw error
  }
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

try {
  process.exitCode = (await main()) ? 0 : 1
} catch (error) {
  process.stderr.write(`${sentenceOf(error)}\n`)
  process.exitCode = 1
}
