/** What operators see at `/statusz`: each component tells of itself. */
export interface StatusBoard {
  /**
   * Adds a section.
   *
   * @param read - asked at each look; what it returns is written as JSON
   */
  section(name: string, read: () => unknown): void
}
