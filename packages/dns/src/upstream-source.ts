import { type StatsListener, unwatchFile, watchFile } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Logger } from '@edgeway/core'
import { DnsUpstreamError } from './errors.ts'
import { nameserversOf } from './resolv-conf.ts'
import { parseUpstream, type Upstream } from './upstream.ts'

export interface UpstreamSourceOptions {
  readonly upstreams: readonly string[]
  readonly resolvConf: string
  readonly resolvConfPollMs: number
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
  /** One read at a time, so that an old file's content never replaces a newer one's. */
  #reading: Promise<void> = Promise.resolve()
  readonly #changed: StatsListener = () => {
    this.#reading = this.#reading.then(() => this.#read())
  }

  private constructor(options: UpstreamSourceOptions, deps: UpstreamSourceDeps) {
    this.#options = options
    this.#deps = deps
  }

  /** @throws {DnsUpstreamError} when a configured upstream can't be read */
  static async start(options: UpstreamSourceOptions, deps: UpstreamSourceDeps): Promise<UpstreamSource> {
    const source = new UpstreamSource(options, deps)
    if (options.upstreams.length > 0) {
      source.#use(options.upstreams.map(configuredUpstream))
      return source
    }
    await source.#read()
    // Polling also sees a file that is replaced, linked anew or not there yet.
    const interval = options.resolvConfPollMs
    watchFile(options.resolvConf, { interval, persistent: false }, source.#changed)
    return source
  }

  stop(): void {
    unwatchFile(this.#options.resolvConf, this.#changed)
  }

  async #read(): Promise<void> {
    const { resolvConf: file } = this.#options
    try {
      const names = nameserversOf(await readFile(file, 'utf8'))
      this.#use(names.map(parseUpstream).filter((upstream) => upstream !== undefined))
    } catch (error) {
      // The upstreams known so far are better than none.
      this.#deps.logger.warn('resolver configuration can not be read', { file, error })
    }
  }

  #use(found: readonly Upstream[]): void {
    const { logger, isOurself, onChange } = this.#deps
    const usable = found.filter((upstream) => !isOurself(upstream))
    const [ourself] = found.filter(isOurself)
    if (ourself !== undefined)
      logger.warn('upstream left out, it is this responder', { upstream: ourself.name })
    if (usable.length === 0) logger.warn('no upstream resolver, only cluster names are answered')
    else logger.info('upstream resolvers', { upstreams: usable.map(({ name }) => name) })
    onChange(usable)
  }
}

function configuredUpstream(text: string): Upstream {
  const upstream = parseUpstream(text)
  if (upstream === undefined) throw new DnsUpstreamError(text)
  return upstream
}
