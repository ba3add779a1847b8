/** Which tunnel servers some session of this node is busy with: two configured addresses may lead to one server. */
export class ServerClaims {
  readonly #released = new Map<string, PromiseWithResolvers<void>>()

  /** @returns to be disposed of when done; `undefined` when another session has that server */
  take(peerId: string): Disposable | undefined {
    if (this.#released.has(peerId)) return undefined
    const released = Promise.withResolvers<void>()
    this.#released.set(peerId, released)
    return {
      [Symbol.dispose]: () => {
        this.#released.delete(peerId)
        released.resolve()
      },
    }
  }

  /** Resolves when no session has that server. */
  async untilReleased(peerId: string): Promise<void> {
    await this.#released.get(peerId)?.promise
  }
}
