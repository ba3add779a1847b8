import { type ServerMesh, type TestServer, until } from './server-mesh.ts'
import { TestAgent, type TestSession } from './test-agent.ts'

/** A server with that many agents that have sessions, and whose records it has. */
export async function circle(mesh: ServerMesh, count: number) {
  const server = await mesh.server('one')
  const token = await mesh.standingToken(server)
  const stack = new AsyncDisposableStack()
  const agents: TestAgent[] = []
  const sessions: TestSession[] = []
  for (let index = 1; index <= count; index++) {
    const agent = stack.use(await TestAgent.create(`edge-${index}`))
    agents.push(agent)
    sessions.push(await agent.appear(server, token))
  }
  await until(() => knownBy(server) === count + 1, 'all records')
  const [first, last] = [sessions[0], agents.at(-1)]
  await until(() => count === 1 || first?.hasHeardOf(last?.said) === true, 'all to be told')
  return {
    ...{ server, token, agents, sessions },
    [Symbol.asyncDispose]: async () => stack.disposeAsync(),
  }
}

/** How many records a server has, its own included. */
export function knownBy({ deps }: TestServer): number {
  return (deps.status.read('tunnel') as { membersKnown: number }).membersKnown
}
