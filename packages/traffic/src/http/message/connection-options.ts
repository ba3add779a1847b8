import { withoutBlanks } from './char-classes.ts'
import type { FieldLines } from './field-lines.ts'
import { badRequest, type HeadProblem } from './head-problem.ts'
import { FIELD } from './known-fields.ts'

/** What a message's `Connection` fields say (RFC 9110, 7.6.1). */
export interface ConnectionOptions {
  readonly closes: boolean
  readonly keepsAlive: boolean
  readonly upgrades: boolean
  /** Names of further fields that are for this connection only, in lower case. */
  readonly names: readonly string[]
}

const NONE: ConnectionOptions = { closes: false, keepsAlive: false, upgrades: false, names: [] }
const CLOSE: ConnectionOptions = { ...NONE, closes: true }
const KEEP_ALIVE: ConnectionOptions = { ...NONE, keepsAlive: true }
const UPGRADE: ConnectionOptions = { ...NONE, upgrades: true }

/** Fields that are dropped anyway, or by rules of their own. */
const HANDLED = new Set([
  ...['close', 'keep-alive', 'upgrade', 'te', 'connection', 'proxy-connection', 'http2-settings', 'trailer'],
])

/** Who has these dropped by us means to have the endpoint see another request than we do. */
const ESSENTIAL = new Set([
  ...['host', 'content-length', 'transfer-encoding', 'content-encoding', 'content-type', 'content-range'],
  ...['cookie', 'set-cookie', 'authorization', 'expect', 'max-forwards', 'location'],
  ...['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip'],
])

/** Each is sought among all fields. */
const MAX_OPTIONS = 32
const OPTION = /^[!#$%&'*+.^_`|~0-9a-z-]+$/

/** @returns a problem where an option is no token, or names a field that all on the way must see */
export function connectionOptions(fields: FieldLines): ConnectionOptions | HeadProblem {
  const value = fields.known(FIELD.connection)
  if (value === undefined) return NONE
  return single(value) ?? several(value.toLowerCase())
}

/** Whether another message may follow on the connection (RFC 9112, 9.3). */
export function isPersistent({ closes, keepsAlive }: ConnectionOptions, minor: 0 | 1): boolean {
  return !closes && (minor === 1 || keepsAlive)
}

/** What is nearly always said. */
function single(value: string): ConnectionOptions | undefined {
  switch (value) {
    case 'keep-alive':
    case 'Keep-Alive':
      return KEEP_ALIVE
    case 'close':
    case 'Close':
      return CLOSE
    case 'upgrade':
    case 'Upgrade':
      return UPGRADE
    default:
      return undefined
  }
}

function several(list: string): ConnectionOptions | HeadProblem {
  const options = list
    .split(',')
    .map(withoutBlanks)
    .filter((option) => option !== '')
  if (options.length > MAX_OPTIONS) return badRequest('The field Connection has too many options.')
  for (const option of options) {
    if (!OPTION.test(option)) return badRequest('The field Connection has an option that is no token.')
    if (ESSENTIAL.has(option)) return badRequest(`The field Connection names ${option}.`)
  }
  return {
    closes: options.includes('close'),
    keepsAlive: options.includes('keep-alive'),
    upgrades: options.includes('upgrade'),
    names: options.filter((option) => !HANDLED.has(option)),
  }
}
