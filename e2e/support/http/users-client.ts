/**
 * Requests of many users on one keep-alive connection, user after user, round after round; writes a `UsersReport`.
 *
 *     users-client.ts ORDER      JSON, `UsersOrder`
 */
import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { json } from 'node:stream/consumers'
import { conclude } from '../announce.ts'
import type { OriginAnswer } from './origin-answer.ts'
import type { UserReport, UsersOrder, UsersReport } from './users.ts'

const order = JSON.parse(process.argv[2] ?? '') as UsersOrder
const { host, port, rounds, path = '/' } = order
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
const sockets = new Set<Socket>()
const users = new Map<
  string,
  { pods: Record<string, number>; cookie: string | undefined; setCookies: string[] }
>()
for (const [name, cookie] of Object.entries(order.cookies ?? {}))
  users.set(name, { pods: {}, cookie, setCookies: [] })
for (const name of order.users ?? []) users.set(name, { pods: {}, cookie: undefined, setCookies: [] })

function headersOf(name: string, cookie: string | undefined): Record<string, string> {
  if (order.header !== undefined) return { [order.header]: name }
  return cookie === undefined ? {} : { cookie: `theme=dark; ${cookie}; lang=en` }
}

async function ask(name: string): Promise<void> {
  const user = users.get(name)
  if (user === undefined) return
  const request = get({ host, port, path, agent, headers: headersOf(name, user.cookie) })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  sockets.add(response.socket)
  const { pod } = (await json(response)) as OriginAnswer
  const by = response.statusCode === 200 ? pod : `status ${response.statusCode}`
  user.pods[by] = (user.pods[by] ?? 0) + 1
  const setCookies = response.headers['set-cookie'] ?? []
  user.setCookies.push(...setCookies)
  // As a browser does, but for path and age.
  for (const text of setCookies) user.cookie = text.split(';')[0]
}

for (let round = 0; round < rounds; round++) for (const name of users.keys()) await ask(name)
const report: UsersReport = {
  connections: sockets.size,
  users: Object.fromEntries([...users].map(([name, user]) => [name, user satisfies UserReport])),
}
conclude(report)
