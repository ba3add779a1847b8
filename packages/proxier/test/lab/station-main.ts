import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { call, connectTo } from './calls.ts'
import { serve } from './servers.ts'
import type { Outcome, Reply, Request, Target } from './station-protocol.ts'

/**
 * Serves and calls in the namespace it was started in, as a test asks over a Unix socket, which knows no namespaces:
 * `station-main.ts <socket path> [<group id>]`.
 */
const [path, groupId] = process.argv.slice(2)
if (groupId !== undefined) process.setegid?.(Number(groupId))

const connections: Socket[] = []
let load: { readonly targets: readonly Target[]; readonly outcomes: Outcome[]; running: boolean } | undefined
let loadEnded: Promise<void> | undefined

createServer((test) => {
  createInterface({ input: test }).on('line', (line) => {
    const { id, ...request }: Request & { id: number } = JSON.parse(line)
    const reply = (rest: Omit<Reply, 'id'>): void => void test.write(`${JSON.stringify({ id, ...rest })}\n`)
    run(request as Request).then(
      (result) => reply({ result }),
      (error) => reply({ error: String(error) }),
    )
  })
}).listen(path, () => process.stdout.write('ready\n'))

async function run(request: Request): Promise<unknown> {
  switch (request.do) {
    case 'serve':
      await Promise.all(request.servers.map(serve))
      return undefined
    case 'call':
      return callTimes(request.target, request.count)
    case 'start load':
      load = { targets: request.targets, outcomes: [], running: true }
      loadEnded = keepCalling(load)
      return undefined
    case 'end load':
      return endLoad()
    case 'connect':
      return keep(request.target)
    case 'echo':
      return echo(connections[request.connection], request.text)
    case 'hang up':
      for (const socket of connections.splice(0)) socket.resetAndDestroy()
      return undefined
  }
}

async function callTimes(target: Target, count: number): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (let i = 0; i < count; i++) outcomes.push(await call(target))
  return outcomes
}

async function keepCalling(current: NonNullable<typeof load>): Promise<void> {
  while (current.running) {
    for (const target of current.targets) {
      current.outcomes.push(await call(target))
      // What the test does meanwhile needs the processors too.
      await delay(1)
    }
  }
}

async function endLoad(): Promise<readonly Outcome[]> {
  if (load === undefined) throw new Error('no load was started')
  load.running = false
  await loadEnded
  return load.outcomes
}

async function keep(target: Target): Promise<unknown> {
  const { socket, answer } = await connectTo(target)
  // Shows as the end of the stream in `echo`.
  socket.on('error', () => {})
  return { connection: connections.push(socket) - 1, answer }
}

async function echo(socket: Socket | undefined, text: string): Promise<string> {
  if (socket === undefined || socket.destroyed) throw new Error('the connection has ended')
  socket.write(text)
  const [chunk] = await once(socket, 'data', { signal: AbortSignal.timeout(5_000) })
  return String(chunk)
}
