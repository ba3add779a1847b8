/**
 * One small thing of a tunnel server that outlives its process: its key, its join token, its members. Implemented by
 * `PrivateFile` here and by an entry of a Kubernetes Secret in the tunnel server.
 */
export interface StoredValue {
  /** For people: where it is kept, e.g. `file /var/lib/edgeway/key`. */
  readonly place: string

  /** `undefined` when it was never written. */
  read(): Promise<Buffer | undefined>

  /** As a whole or not at all. Two writes must not overlap. */
  write(content: string | Uint8Array): Promise<void>

  /** Why others could read it, and what to do; `undefined` while they can't. */
  exposure(): Promise<string | undefined>
}
