import { parseArgs } from 'node:util'
import { COMPATS, type Compat } from './faults/compat.ts'
import { FAULTS, type Faults, faultsOf, readFaults, SLICE_FAULT } from './faults/faults.ts'
import { DEFAULT_METASERVER_DOUBLE_OPTIONS, type MetaServerDoubleOptions } from './options.ts'

export const USAGE = `KubeEdge's MetaServer for tests: what a node sees of its cluster, faults included.

usage: metaserver-double [--listen HOST:PORT] [--control HOST:PORT] [--node NAME] [--db FILE]
                         [--upstream URL | --manifests FILE...] [--compat RELEASE] [--fault NAME=VALUE...]
                         [--secure --token TOKEN... [--tls-name NAME...] [--pki FOLDER]]

  --listen HOST:PORT   where to serve (MetaServer's own is 127.0.0.1:10550); port 0, the default, takes any free one
  --control HOST:PORT  where to serve the control API; without, there is none
  --node NAME          the node it stands on: it then gets endpoints of its node group only, where a Service asks for it
  --db FILE            SQLite file of the node, as edgecore.db; without, it lasts as long as the process
  --upstream URL       the API server that is the cloud, plain HTTP; without, there is one in the process
  --manifests FILE...  objects of the cloud in the process to start with
  --compat RELEASE     ${COMPATS.join(', ')}; ${DEFAULT_METASERVER_DOUBLE_OPTIONS.compat} unless said otherwise
  --fault NAME=VALUE.. switches a fault on (true) or off (false); --list-faults prints them all
  --seed NUMBER        of everything random
  --rtt-ms NUMBER      round trip between node and cloud
  --heartbeat-ms NUMBER, --reconnect-ms NUMBER
                       how often the upstream is asked whether it is there, and how soon again when it is not
  --secure             HTTPS, for clients with a token only
  --token TOKEN...     bearer tokens that the node knows
  --tls-name NAME...   host names and addresses that the certificate is for, besides HOST, 127.0.0.1 and 169.254.30.10
  --pki FOLDER         where ca.crt and server.key are, or are put when they are not
  --list-faults        print all switches with what they do, and whether they are on in RELEASE
  -h, --help           print this text

Prints {"ready":true,"url":…,"controlUrl":…,"cloudUrl":…} once it serves; runs until SIGTERM or SIGINT.
`

export type Command =
  | { readonly name: 'help' }
  | { readonly name: 'list-faults'; readonly compat: Compat }
  | {
      readonly name: 'serve'
      readonly options: Partial<MetaServerDoubleOptions>
      readonly manifests: readonly string[]
      readonly pki: string | undefined
    }

type Values = ReturnType<typeof parse>

/** @throws {TypeError} that says which argument is wrong */
export function readArguments(args: readonly string[]): Command {
  const values = parse(args)
  if (values.help) return { name: 'help' }
  const compat = COMPATS.find((known) => known === values.compat)
  if (compat === undefined)
    throw new TypeError(`--compat: expected ${COMPATS.join(', ')}, found ${values.compat}`)
  if (values['list-faults']) return { name: 'list-faults', compat }
  const { manifests, upstream, db } = values
  if (upstream !== undefined && manifests.length > 0)
    throw new TypeError('--manifests are for a cloud in the process; apply them to the --upstream instead')
  const listen = addressIn('--listen', values.listen)
  const control = values.control === undefined ? undefined : addressIn('--control', values.control)
  const options: Partial<MetaServerDoubleOptions> = {
    ...{ host: listen.host, port: listen.port, upstream: urlIn(upstream), compat, nodeName: values.node },
    ...(control === undefined ? {} : { controlHost: control.host, controlPort: control.port }),
    ...(db === undefined ? {} : { dbFile: db }),
    ...timesIn(values),
    faults: faultsIn(values.fault),
    secure: secureIn(values),
  }
  return { name: 'serve', options, manifests, pki: values.pki }
}

/** The table of all switches, for people. */
export function describeFaults(compat: Compat): string {
  const defaults = faultsOf(compat)
  const line = (name: keyof Faults, does: string): string =>
    `${name.padEnd(26)}${String(defaults[name]).padEnd(10)}${does}\n`
  const flags = Object.entries(FAULTS).map(([name, { does }]) => line(name as keyof Faults, does))
  return [...flags, line('endpointSliceLists', SLICE_FAULT)].join('')
}

function parse(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    args: [...args],
    options: {
      compat: { type: 'string', default: DEFAULT_METASERVER_DOUBLE_OPTIONS.compat },
      control: { type: 'string' },
      db: { type: 'string' },
      fault: { type: 'string', multiple: true, default: [] },
      'heartbeat-ms': { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
      'list-faults': { type: 'boolean', default: false },
      listen: { type: 'string', default: '127.0.0.1:0' },
      manifests: { type: 'string', multiple: true, default: [] },
      node: { type: 'string' },
      pki: { type: 'string' },
      'reconnect-ms': { type: 'string' },
      'rtt-ms': { type: 'string' },
      secure: { type: 'boolean', default: false },
      seed: { type: 'string' },
      'tls-name': { type: 'string', multiple: true, default: [] },
      token: { type: 'string', multiple: true, default: [] },
      upstream: { type: 'string' },
    },
  })
  return { ...values, manifests: [...values.manifests, ...positionals] }
}

function timesIn(values: Values): Partial<MetaServerDoubleOptions> {
  const numbers = {
    seed: 'seed',
    rttMs: 'rtt-ms',
    heartbeatIntervalMs: 'heartbeat-ms',
    reconnectDelayMs: 'reconnect-ms',
  } as const
  return Object.fromEntries(
    Object.entries(numbers).flatMap(([name, option]) => {
      const text = values[option]
      return text === undefined ? [] : [[name, numberIn(`--${option}`, text)]]
    }),
  )
}

function numberIn(name: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  throw new TypeError(`${name}: expected a number, found ${text}`)
}

function faultsIn(texts: readonly string[]): Partial<Faults> {
  const pairs = texts.map((text) => {
    const [, name, value] = /^(\w+)=(\w+)$/.exec(text) ?? []
    if (name === undefined) throw new TypeError(`--fault: expected NAME=VALUE, found ${text}`)
    return [name, value] as const
  })
  return readFaults(Object.fromEntries(pairs))
}

function secureIn(values: Values): MetaServerDoubleOptions['secure'] {
  const { secure, token: tokens, 'tls-name': names, pki } = values
  if (secure) return { tokens, names }
  if (tokens.length > 0 || names.length > 0 || pki !== undefined)
    throw new TypeError('--token, --tls-name and --pki are for --secure')
  return undefined
}

function urlIn(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  if (URL.parse(text)?.protocol === 'http:') return text
  throw new TypeError(`--upstream: expected an http URL, found ${text}`)
}

function addressIn(option: string, text: string): { readonly host: string; readonly port: number } {
  const [, host, port] = /^\[?(.+?)\]?:(\d+)$/.exec(text) ?? []
  if (host === undefined || Number(port) > 65_535)
    throw new TypeError(`${option}: expected HOST:PORT, found ${text}`)
  return { host, port: Number(port) }
}
