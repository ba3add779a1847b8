/** Functions of the C library that this process runs on: the only place of this package that knows koffi. */
export interface Libc {
  /**
   * @param prototype - in C, e.g. `int close(int fd)`
   * @throws {Error} when there is no such function
   */
  func(prototype: string): CFunction
  /** What the last call that failed left in `errno`. */
  errno(): number
}

/** Buffers are passed as pointers; integers wider than 32 bits come back as a number where they fit. */
export type CFunction = (...parameters: (number | Buffer | null)[]) => number

/** @returns `undefined` where koffi has no binary for this platform: callers have a way without it */
export async function loadLibc(): Promise<Libc | undefined> {
  try {
    const { default: koffi } = await import('koffi')
    // What this very process has loaded, so whatever libc it runs on.
    const libc = koffi.load(null)
    return { func: (prototype) => libc.func(prototype) as CFunction, errno: () => koffi.errno() }
  } catch {
    return undefined
  }
}
