import type { LabHost } from '@edgeway/testbed'
import { runClient } from '../program.ts'
import { HTTP_PROGRAMS } from './programs.ts'

/** What `users-client.ts` is to do. */
export interface UsersOrder {
  readonly host: string
  readonly port: number
  readonly rounds: number
  readonly path?: string
  /** Header by which users are told apart; by cookies unless given. */
  readonly header?: string
  /** Their names: without a cookie at first. */
  readonly users?: readonly string[]
  /** `name=value` of users who have one already. */
  readonly cookies?: Readonly<Record<string, string>>
}

export interface UserReport {
  /** How often which pod answered; `status 503` for an answer that was not 200. */
  readonly pods: Readonly<Record<string, number>>
  /** The one it has at the end. */
  readonly cookie: string | undefined
  /** All that were issued. */
  readonly setCookies: readonly string[]
}

export interface UsersReport {
  /** Of the client. */
  readonly connections: number
  readonly users: Readonly<Record<string, UserReport>>
}

export function runUsers(
  host: LabHost,
  order: Omit<UsersOrder, 'port'> & { readonly port?: number },
): Promise<UsersReport> {
  const args = [JSON.stringify({ port: 80, ...order })]
  return runClient(host, { file: HTTP_PROGRAMS.usersClient, args })
}

/** Where each user was served. @throws {Error} for one who was served by several pods, or by none */
export function placesOf({ users }: UsersReport): Record<string, string> {
  const places: Record<string, string> = {}
  for (const [name, { pods }] of Object.entries(users)) {
    const [place, ...others] = Object.keys(pods)
    if (place === undefined || others.length > 0)
      throw new Error(`${name} was served by ${JSON.stringify(pods)}`)
    places[name] = place
  }
  return places
}

export function cookiesOf({ users }: UsersReport): Record<string, string> {
  return Object.fromEntries(Object.entries(users).map(([name, { cookie = '' }]) => [name, cookie]))
}
