/**
 * One small thing of this process that outlives it: its key, its join token, the cluster's keys. Implemented by
 * `PrivateFile` here and by an entry of a Kubernetes Secret in the tunnel server.
 *
 * A value may be shared: several processes write it. Then a write replaces only what its writer has seen, and everybody
 * else's changes are kept: read, change, write, and begin again when that rejects with `StoredValueConflictError`.
 */
export interface StoredValue {
  /** For people: where it is kept, e.g. `file /var/lib/edgeway/key`. */
  readonly place: string

  /**
   * @returns `undefined` when it was never written
   * @throws {EdgewayError} when it can't be read just now
   */
  read(): Promise<Buffer | undefined>

  /**
   * As a whole or not at all; what was written outlives a loss of power. Two writes of one object must not overlap.
   *
   * @throws {StoredValueConflictError} when the value is shared, and is not what this object read or wrote last (nothing,
   *   if it never did): somebody else wrote it. It is left as it is.
   * @throws {EdgewayError} when it can't be written, e.g. because the disk is full. It is left as it is.
   */
  write(content: string | Uint8Array): Promise<void>

  /** Why others could read it, and what to do; `undefined` while they can't. */
  exposure(): Promise<string | undefined>
}
