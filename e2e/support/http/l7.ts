import type { LabHost, MeshProcess } from '@edgeway/testbed'
import type { OriginAnswer, OriginStats } from './origin-answer.ts'

/** Requests are looked at one by one. */
export const BY_REQUEST = { 'edgeway.io/forwarding': 'l7' }

/** HTTP requests of a ServicePort that have ended so far, as an agent counts them. */
export function requestsOf(agent: MeshProcess, service: string): Promise<number> {
  return agent.metric('edgeway_traffic_requests_total', { service })
}

/** What curl writes: the body of an answer, to be read as JSON. */
export async function getJson<Answer = OriginAnswer>(
  host: LabHost,
  url: string,
  options: readonly string[] = [],
): Promise<Answer> {
  const { stdout } = await host.exec(['curl', '--silent', '--max-time', '20', ...options, url])
  return JSON.parse(stdout) as Answer
}

/** Of the `origin.ts` in a pod, asked there. */
export function statsOf(pod: LabHost, port: number): Promise<OriginStats> {
  return getJson<OriginStats>(pod, `http://127.0.0.1:${port}/stats`)
}

/** From now on the origin in that pod answers each request with that status; 200: as ever; 0: not at all. */
export async function setMode(
  pod: LabHost,
  { port, status }: { port: number; status: number },
): Promise<void> {
  await getJson(pod, `http://127.0.0.1:${port}/mode?status=${status}`)
}
