import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from '@edgeway/core'
import { DnsUpstreamError } from '../errors.ts'
import { parseResolvConf, type ResolvConf } from './resolv-conf.ts'
import { parseUpstream, type Upstream } from './upstream.ts'

const UNREADABLE = Symbol('unreadable')

export interface UpstreamSourceOptions {
  readonly upstreams: readonly string[]
  readonly resolvConf: string
  readonly resolvConfPollMs: number
  /** The host's search list is wanted, too. */
  readonly autopath: boolean
}

export interface UpstreamSourceDeps {
  readonly logger: Logger
  /** Whether asking there would be asking ourselves. */
  isOurself(upstream: Upstream): boolean
  /** Gets the upstreams at the start and after each change. */
  onChange(upstreams: readonly Upstream[]): void
}

/** Where upstreams come from: the options, else resolv.conf, which is followed: a node's network changes. */
export class UpstreamSource {
  readonly #options: UpstreamSourceOptions
  readonly #deps: UpstreamSourceDeps
  readonly #stopping = new AbortController()
  #following: Promise<void> = Promise.resolve()
  /** The file as last read; `undefined` before. */
  #text: string | typeof UNREADABLE | undefined
  #search: readonly string[] = []

  private constructor(options: UpstreamSourceOptions, deps: UpstreamSourceDeps) {
    this.#options = options
    this.#deps = deps
  }

  /** @throws {DnsUpstreamError} when a configured upstream can't be read */
  static async start(options: UpstreamSourceOptions, deps: UpstreamSourceDeps): Promise<UpstreamSource> {
    const source = new UpstreamSource(options, deps)
    if (source.#isConfigured) source.#use(options.upstreams.map(configuredUpstream))
    if (source.#isConfigured && !options.autopath) return source
    await source.#read()
    source.#following = source.#follow()
    return source
  }

  /** The search list of resolv.conf, as last read. */
  get search(): readonly string[] {
    return this.#search
  }

  get #isConfigured(): boolean {
    return this.#options.upstreams.length > 0
  }

  /** Resolves when the file is no longer read. Never rejects. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#following
  }

  /** Reading is as cheap as watching and misses no change: not one during the start, nor a file that is linked anew. */
  async #follow(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await delay(this.#options.resolvConfPollMs, undefined, { signal, ref: false }).catch(() => undefined)
      if (!signal.aborted) await this.#read()
    }
  }

  async #read(): Promise<void> {
    const { resolvConf: file } = this.#options
    const text = await readFile(file, 'utf8').catch((error: unknown): typeof UNREADABLE => {
      // The upstreams known so far are better than none.
      if (this.#text !== UNREADABLE)
        this.#deps.logger.warn('resolver configuration can not be read', { file, error })
      return UNREADABLE
    })
    if (text !== UNREADABLE && text !== this.#text) this.#take(parseResolvConf(text))
    this.#text = text
  }

  #take({ nameservers, search }: ResolvConf): void {
    this.#search = search
    if (this.#isConfigured) return
    this.#use(nameservers.map(parseUpstream).filter((upstream) => upstream !== undefined))
  }

  #use(found: readonly Upstream[]): void {
    const { logger, isOurself, onChange } = this.#deps
    const usable = found.filter(
      (upstream, index) =>
        !isOurself(upstream) && found.findIndex(({ name }) => name === upstream.name) === index,
    )
    const [ourself] = found.filter(isOurself)
    if (ourself !== undefined)
      logger.warn('upstream left out, it is this responder', { upstream: ourself.name })
    if (usable.length === 0) logger.warn('no upstream resolver, only cluster names are answered')
    else logger.info('upstream resolvers', { upstreams: usable.map(({ name }) => name) })
    onChange(usable)
  }
}

/** @throws {DnsUpstreamError} */
export function configuredUpstream(text: string): Upstream {
  const upstream = parseUpstream(text)
  if (upstream === undefined) throw new DnsUpstreamError(text)
  return upstream
}
