import { setTimeout as delay } from 'node:timers/promises'
import type { LabHost } from '@edgeway/testbed'
import { absolute, missing, type Result } from '../src/result.ts'
import { Scene } from '../src/scene.ts'
import type { BenchCase } from './case.ts'

const RUNS = 5
const POLL_MS = 20
const DEADLINE_MS = 10_000
const NAME = 'near.bench.svc.cluster.local'

/** Seconds from the start of edge-1's agent to each of its services. */
type Moments = Readonly<Record<'ready' | 'DNS answers' | 'local Service answers', number | undefined>>

export const start: BenchCase = {
  name: 'start',
  summary:
    "an agent's start to ready, to DNS and to local Services; again with relay, cloud and MetaServer dead",
  async run(onStep) {
    await using scene = await Scene.start(onStep)
    const usual = await measure(scene, { label: 'everything there', onStep })
    onStep('killing the tunnel server, the API server and the mirrors')
    await scene.mesh.server.kill()
    await scene.mesh.killApi()
    const alone = await measure(scene, { label: 'everything else dead', onStep })
    return [...usual, ...alone]
  },
}

async function measure(
  { mesh }: Scene,
  { label, onStep }: { readonly label: string; readonly onStep: (step: string) => void },
): Promise<Result[]> {
  const agent = mesh.agent('edge-1')
  const runs: Moments[] = []
  for (let run = 1; run <= RUNS; run++) {
    onStep(`${label}: start ${run} of ${RUNS}`)
    await agent.kill()
    await agent.start()
    const [ready, dns, local] = await Promise.all([
      secondsUntil(async () => (await agent.admin('/readyz')).endsWith('\nready\n')),
      secondsUntil(() => resolves(mesh.lab.pod('client'))),
      secondsUntil(() => answers(mesh.lab.pod('client'))),
    ])
    runs.push({ ready, 'DNS answers': dns, 'local Service answers': local })
  }
  // Without a tunnel server an agent is not ready, and says so.
  const metrics = [
    'DNS answers',
    'local Service answers',
    ...(label === 'everything there' ? ['ready'] : []),
  ] as const
  return metrics.map((metric) => {
    const name = { bench: 'start', case: label, metric, unit: 's' }
    const values = runs.map((moments) => moments[metric as keyof Moments])
    const known = values.filter((value) => value !== undefined)
    return known.length === values.length
      ? absolute(name, known)
      : missing(
          name,
          `not within ${DEADLINE_MS / 1_000} s in ${values.length - known.length} of ${values.length} runs`,
        )
  })
}

async function secondsUntil(isSo: () => Promise<boolean>): Promise<number | undefined> {
  const started = performance.now()
  while (performance.now() - started < DEADLINE_MS) {
    if (await isSo()) return (performance.now() - started) / 1_000
    await delay(POLL_MS)
  }
  return undefined
}

async function resolves(client: LabHost): Promise<boolean> {
  const { stdout } = await client.exec(['dig', '+short', '+tries=1', '+time=1', NAME])
  return /^10\./.test(stdout)
}

async function answers(client: LabHost): Promise<boolean> {
  const { code } = await client.exec(['curl', '--silent', '--max-time', '1', `http://${NAME}:8080/`])
  return code === 0
}
