import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isRecord } from '../../api-double/api-object.ts'
import { ManifestError } from '../../api-double/manifests.ts'
import { StatusError } from '../../api-double/status-error.ts'
import type { ObjectName } from '../cloud/cloud.ts'
import { type Faults, readFaults } from '../faults/faults.ts'
import { readText } from '../http/body.ts'
import { LINK_STATES, type LinkSettings } from '../link/link.ts'
import { parseResource, type Resource } from '../resource.ts'
import type { Stats } from '../stats.ts'

/** What commands are about: the double. */
export interface Controlled {
  readonly stats: Stats
  readonly faults: Faults
  setFaults(faults: Partial<Faults>): void
  setLink(settings: Partial<LinkSettings>): void
  restartCloudcore(downMs: number): void
  restartEdge(options: { readonly wipe: boolean }): Promise<void>
  apply(manifests: string): Promise<void>
  delete(name: ObjectName): Promise<void>
  dropNextEvent(count: number): void
  deny(resource: Resource, isDenied: boolean): void
}

type Fields = Readonly<Record<string, unknown>>

type Command = (double: Controlled, fields: Fields, text: string) => unknown

/** What can be asked for: the body's fields, all optional unless the command says otherwise. */
const COMMANDS: Readonly<Record<string, Command>> = {
  'GET /stats': (double) => double.stats,
  'GET /faults': (double) => double.faults,
  'POST /faults': (double, fields) => {
    double.setFaults(readFaults(fields))
    return double.faults
  },
  'POST /link': (double, fields) => double.setLink(linkSettingsIn(fields)),
  'POST /cloudcore/restart': (double, fields) => double.restartCloudcore(numberIn(fields, 'downMs') ?? 0),
  'POST /edge/restart': async (double, fields) =>
    await double.restartEdge({ wipe: booleanIn(fields, 'wipe') ?? false }),
  // Manifests, in YAML or JSON.
  'POST /apply': async (double, _, text) => await double.apply(text),
  'POST /delete': async (double, fields) =>
    await double.delete({
      apiVersion: textIn(fields, 'apiVersion'),
      kind: textIn(fields, 'kind'),
      name: textIn(fields, 'name'),
      namespace: fields['namespace'] === undefined ? undefined : textIn(fields, 'namespace'),
    }),
  'POST /drop-next-event': (double, fields) => double.dropNextEvent(numberIn(fields, 'count') ?? 1),
  'POST /rbac': (double, fields) => {
    const resource = parseResource(textIn(fields, 'gvr'))
    if (resource === undefined) throw new ControlError('gvr: expected v1/services or group/v1/plural')
    double.deny(resource, booleanIn(fields, 'deny') ?? true)
  },
}

/** A command can't be read. */
class ControlError extends TypeError {
  override readonly name = 'ControlError'
}

/** The control API: one command per path, JSON in and out. Without any protection, so for loopback. */
export class ControlServer implements AsyncDisposable {
  readonly #double: Controlled
  readonly #server: Server

  private constructor(double: Controlled) {
    this.#double = double
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => fail(response, error))
    })
  }

  static async start(
    double: Controlled,
    { host, port }: { readonly host: string; readonly port: number },
  ): Promise<ControlServer> {
    const control = new ControlServer(double)
    control.#server.listen(port, host)
    await once(control.#server, 'listening')
    return control
  }

  get url(): string {
    const { address, family, port } = this.#server.address() as AddressInfo
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://control')
    const name = `${request.method} ${pathname}`
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
    if (command === undefined) {
      reply(response, 404, { error: `no command ${name}`, commands: Object.keys(COMMANDS) })
      return
    }
    const text = await readText(request)
    const fields = pathname === '/apply' ? {} : fieldsIn(text)
    reply(response, 200, (await command(this.#double, fields, text)) ?? { ok: true })
  }
}

function fieldsIn(text: string): Fields {
  if (text.trim() === '') return {}
  let fields: unknown
  try {
    fields = JSON.parse(text)
  } catch (error) {
    throw new ControlError(`the body is not JSON: ${String(error)}`)
  }
  if (isRecord(fields)) return fields
  throw new ControlError('the body is not a JSON object')
}

function linkSettingsIn(fields: Fields): Partial<LinkSettings> {
  const state = LINK_STATES.find((known) => known === fields['state'])
  if (state === undefined && fields['state'] !== undefined)
    throw new ControlError(`state: expected ${LINK_STATES.join(', ')}, found ${String(fields['state'])}`)
  const numbers = ['rttMs', 'flapUpMs', 'flapDownMs'].flatMap((name) => {
    const value = numberIn(fields, name)
    return value === undefined ? [] : [[name, value]]
  })
  return { ...(state === undefined ? {} : { state }), ...Object.fromEntries(numbers) }
}

function textIn(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value === 'string' && value !== '') return value
  throw new ControlError(`${name}: expected a text, found ${JSON.stringify(value)}`)
}

function numberIn(fields: Fields, name: string): number | undefined {
  const value = fields[name]
  if (value === undefined || (typeof value === 'number' && value >= 0)) return value
  throw new ControlError(`${name}: expected a number, 0 or more, found ${JSON.stringify(value)}`)
}

function booleanIn(fields: Fields, name: string): boolean | undefined {
  const value = fields[name]
  if (value === undefined || typeof value === 'boolean') return value
  throw new ControlError(`${name}: expected true or false, found ${JSON.stringify(value)}`)
}

/** What was asked for wrongly is 400, what the cloud refuses has the code of its refusal. */
function fail(response: ServerResponse, error: unknown): void {
  const isAskedWrongly = error instanceof TypeError || error instanceof ManifestError
  const code = error instanceof StatusError ? error.httpCode : isAskedWrongly ? 400 : 500
  reply(response, code, { error: error instanceof Error ? error.message : String(error) })
}

function reply(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
}
