import { withoutBlanks } from './char-classes.ts'
import type { FieldLines } from './field-lines.ts'
import { FIELD } from './known-fields.ts'

/** What a message's `Connection` fields say (RFC 9110, 7.6.1). */
export interface ConnectionOptions {
  readonly closes: boolean
  readonly keepsAlive: boolean
  readonly upgrades: boolean
  /** Names of further fields that are for this connection only, in lower case. */
  readonly names: readonly string[]
  /** One sentence, where an option is no token, or names a field that all on the way must see; it is left out then. */
  readonly fault: string | undefined
}

const NONE: ConnectionOptions = {
  closes: false,
  keepsAlive: false,
  upgrades: false,
  names: [],
  fault: undefined,
}
const CLOSE: ConnectionOptions = { ...NONE, closes: true }
const KEEP_ALIVE: ConnectionOptions = { ...NONE, keepsAlive: true }
const UPGRADE: ConnectionOptions = { ...NONE, upgrades: true }

/** Options that are no names of fields, and fields that are dropped anyway or have rules of their own. */
const HANDLED: ReadonlySet<string> = new Set([
  ...['close', 'keep-alive', 'upgrade', 'te', 'connection', 'proxy-connection', 'http2-settings', 'trailer'],
])

/** Who has these dropped by us means to have the other side see another message than we do. */
const ESSENTIAL: ReadonlySet<string> = new Set([
  ...['host', 'content-length', 'transfer-encoding', 'content-encoding', 'content-type', 'content-range'],
  ...['cookie', 'set-cookie', 'authorization', 'expect', 'max-forwards', 'location', 'cache-control', 'vary'],
  ...['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip'],
])

const OPTION = /^[!#$%&'*+.^_`|~0-9a-z-]+$/
/** Each is sought among all fields. */
const MAX_OPTIONS = 32
const TOO_MANY = 'The field Connection has too many options.'

export function connectionOptions(fields: FieldLines): ConnectionOptions {
  const value = fields.known(FIELD.connection)
  if (value === undefined) return NONE
  return single(value) ?? several(value.toLowerCase())
}

/** Whether another message may follow on the connection (RFC 9112, 9.3). */
export function isPersistent({ closes, keepsAlive }: ConnectionOptions, minor: 0 | 1): boolean {
  return !closes && (minor === 1 || keepsAlive)
}

/** Whether that, and nothing else, is said: it then holds for any connection that is kept. */
export function isKeepAliveAlone(options: ConnectionOptions): boolean {
  return options === KEEP_ALIVE
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

function several(list: string): ConnectionOptions {
  const options = list
    .split(',')
    .map(withoutBlanks)
    .filter((option) => option !== '')
  const fault =
    options.length > MAX_OPTIONS ? TOO_MANY : options.map(faultOf).find((one) => one !== undefined)
  return {
    closes: options.includes('close'),
    keepsAlive: options.includes('keep-alive'),
    upgrades: options.includes('upgrade'),
    names: options.slice(0, MAX_OPTIONS).filter((option) => !HANDLED.has(option) && !ESSENTIAL.has(option)),
    fault,
  }
}

function faultOf(option: string): string | undefined {
  if (!OPTION.test(option)) return 'The field Connection has an option that is no token.'
  return ESSENTIAL.has(option)
    ? `The field Connection names ${option}, which must not be dropped.`
    : undefined
}
