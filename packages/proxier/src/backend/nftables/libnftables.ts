import { type Nft, nftFailure } from './nft.ts'

/** As Debian's libnftables1 and its like call it. */
const LIBRARY = 'libnftables.so.1'

/**
 * A table with `flags owner` that was loaded through it goes when this is closed, or the process ends in any way. It lists
 * nothing: version 1.0.6 uses the flags of a table after it has freed them when it writes them as JSON, which spoils the
 * memory of its process.
 */
export interface InProcessNft extends Pick<Nft, 'load' | 'check'> {
  close(): void
}

/** The functions of libnftables(3) that are used; a context is an opaque pointer. */
interface Library {
  readonly free: (context: unknown) => void
  readonly setDryRun: (context: unknown, isDry: boolean) => void
  /** What it wrote since the last time, which makes room for more. */
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
  async function load(script: string): Promise<void> {
    const code = await library.run(context, script)
    library.output(context)
    const errors = library.errors(context)
    if (code !== 0) throw nftFailure('-f', errors)
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
    close: () => library.free(context),
  }
}
