/** Where an item stands in an `ActivityList`; made once, moved as often as wanted. */
export class ActivityEntry<Item> {
  readonly item: Item
  /** Of the last `touch`, in milliseconds of the caller's clock. */
  activeAt = 0
  list: ActivityList<Item> | undefined
  before: ActivityEntry<Item> | undefined
  after: ActivityEntry<Item> | undefined

  constructor(item: Item) {
    this.item = item
  }
}

/** Items by their last activity, the longest idle one first. Each operation is O(1) and allocates nothing. */
export class ActivityList<Item> {
  #first: ActivityEntry<Item> | undefined
  #last: ActivityEntry<Item> | undefined

  /** The one that has been idle for longest. */
  get first(): ActivityEntry<Item> | undefined {
    return this.#first
  }

  /** Puts an entry at the end, taking it out of the list that it was in. `now` never goes back. */
  touch(entry: ActivityEntry<Item>, now: number): void {
    entry.activeAt = now
    if (entry === this.#last) return
    entry.list?.remove(entry)
    entry.list = this
    entry.before = this.#last
    if (this.#last === undefined) this.#first = entry
    else this.#last.after = entry
    this.#last = entry
  }

  /** Does nothing for an entry of another list, or of none. */
  remove(entry: ActivityEntry<Item>): void {
    if (entry.list !== this) return
    if (entry.before === undefined) this.#first = entry.after
    else entry.before.after = entry.after
    if (entry.after === undefined) this.#last = entry.before
    else entry.after.before = entry.before
    entry.list = undefined
    entry.before = undefined
    entry.after = undefined
  }
}
