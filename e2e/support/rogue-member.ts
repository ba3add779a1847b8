/**
 * A member with a valid join token that asks other nodes for whatever it is told to. Writes one line of JSON: for each
 * target whether it was connected, or why not.
 *
 *     rogue-member.ts SERVER JOIN_TOKEN_FILE FOLDER NODE=IP:PORT...
 */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { DialError, formatServicePortName, type NodeName } from '@edgeway/core'
import { endpointsOf, FakeComponentDeps } from '@edgeway/testbed'
import { DEFAULT_TUNNEL_OPTIONS, Tunnel } from '@edgeway/tunnel'

const DIAL_MS = 10_000
const POLL_MS = 20

const [server = '', joinTokenFile = '', folder = '', ...targets] = process.argv.slice(2)
const deps = { ...new FakeComponentDeps(), nodeName: 'rogue' as NodeName }
const options = { ...DEFAULT_TUNNEL_OPTIONS, servers: [server], joinTokenFile, keyFile: join(folder, 'key') }
const tunnel = await Tunnel.start(options, deps)
while (deps.readiness.shut.includes('tunnel')) await delay(POLL_MS)

async function ask(target: string): Promise<string> {
  const [endpoint] = endpointsOf(target.replace('=', '/'))
  if (endpoint === undefined) return 'no such target'
  try {
    const service = formatServicePortName('apps', 'rogue', '')
    const connection = await tunnel.dialer.dial({ endpoint, service }, AbortSignal.timeout(DIAL_MS))
    connection.reset()
    return 'connected'
  } catch (error) {
    return error instanceof DialError ? `${error.failure}: ${error.message}` : String(error)
  }
}

const answers: Record<string, string> = {}
for (const target of targets) answers[target] = await ask(target)
process.stdout.write(`${JSON.stringify(answers)}\n`)
process.exit(0)
