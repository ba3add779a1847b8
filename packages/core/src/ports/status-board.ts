/** What operators see at the admin server: each component tells of itself. */
export interface StatusBoard {
  /**
   * Adds a section of `/statusz`.
   *
   * @param read - asked at each look; what it returns is written as JSON
   */
  section(name: string, read: () => unknown): void

  /** Adds a page of its own, at `/<name>`. */
  page(name: string, page: StatusPage): void
}

/** Answers what is asked by the parameters of a URL, each given once. */
export type StatusPage = (
  parameters: Readonly<Record<string, string | undefined>>,
) => Promise<StatusPageAnswer>

/** A value to be written as JSON, or what is wrong with the parameters, for who gave them. */
export type StatusPageAnswer =
  | { readonly kind: 'found'; readonly value: unknown }
  | { readonly kind: 'bad-parameters'; readonly problem: string }
