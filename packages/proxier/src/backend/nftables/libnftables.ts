import { type Nft, NOT_FOUND, nftFailure } from './nft.ts'

/** As Debian's libnftables1 and its like call it. */
const LIBRARY = 'libnftables.so.1'

/** enum nft_ctx_output of nftables/libnftables.h; the numeric ones as `nft -n` takes them. */
const HANDLE = 1 << 3
const JSON_OUTPUT = 1 << 4
const NUMERIC_ALL = (1 << 7) | (1 << 8) | (1 << 9) | (1 << 10)
const TERSE = 1 << 11
const LISTING = HANDLE | JSON_OUTPUT | NUMERIC_ALL

/** A table with `flags owner` that was loaded through it goes when this is closed, or the process ends in any way. */
export interface InProcessNft extends Nft {
  close(): void
}

/** The functions of libnftables(3) that are used; a context is an opaque pointer. */
interface Library {
  readonly free: (context: unknown) => void
  readonly setDryRun: (context: unknown, isDry: boolean) => void
  readonly setOutputFlags: (context: unknown, flags: number) => void
  readonly output: (context: unknown) => string
  readonly errors: (context: unknown) => string
  /** In another thread. */
  readonly run: (context: unknown, script: string) => Promise<number>
}

/**
 * nft in this process, with one netlink socket for as long as it is open. Calls must not overlap.
 *
 * @returns `undefined` where there is no libnftables or no koffi for this platform
 */
export async function openLibnftables(): Promise<InProcessNft | undefined> {
  try {
    const { default: koffi } = await import('koffi')
    const native = koffi.load(LIBRARY)
    const context: unknown = native.func('void *nft_ctx_new(uint32_t flags)')(0)
    native.func('int nft_ctx_buffer_output(void *ctx)')(context)
    native.func('int nft_ctx_buffer_error(void *ctx)')(context)
    const run = native.func('int nft_run_cmd_from_buffer(void *ctx, const char *script)')
    return inProcess(context, {
      free: native.func('void nft_ctx_free(void *ctx)') as Library['free'],
      setDryRun: native.func('void nft_ctx_set_dry_run(void *ctx, bool dry)') as Library['setDryRun'],
      setOutputFlags: native.func(
        'void nft_ctx_output_set_flags(void *ctx, unsigned int flags)',
      ) as Library['setOutputFlags'],
      output: native.func('const char *nft_ctx_get_output_buffer(void *ctx)') as Library['output'],
      errors: native.func('const char *nft_ctx_get_error_buffer(void *ctx)') as Library['errors'],
      run: (ctx, script) =>
        new Promise((resolve, reject) => {
          run.async(ctx, script, (error: unknown, code: number) => (error ? reject(error) : resolve(code)))
        }),
    })
  } catch {
    // No such library, or not for this platform: the caller says what that means.
    return undefined
  }
}

function inProcess(context: unknown, library: Library): InProcessNft {
  /** @returns what it wrote */
  async function run(script: string, flags = 0): Promise<{ readonly isOk: boolean; readonly words: string }> {
    library.setOutputFlags(context, flags)
    const code = await library.run(context, script)
    const [output, errors] = [library.output(context), library.errors(context)]
    return code === 0 ? { isOk: true, words: output } : { isOk: false, words: errors }
  }
  async function load(script: string): Promise<void> {
    const { isOk, words } = await run(script)
    if (!isOk) throw nftFailure('-f', words)
  }
  return {
    load,
    async check(script) {
      library.setDryRun(context, true)
      try {
        await load(script)
      } finally {
        library.setDryRun(context, false)
      }
    },
    async list(what, { isTerse = false } = {}) {
      const { isOk, words } = await run(`list ${what}`, isTerse ? LISTING | TERSE : LISTING)
      if (isOk) return words
      if (words.includes(NOT_FOUND)) return undefined
      throw nftFailure(`list ${what}`, words)
    },
    close: () => library.free(context),
  }
}
