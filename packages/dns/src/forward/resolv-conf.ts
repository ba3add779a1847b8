/** What a resolver configuration says that we go by. */
export interface ResolvConf {
  /** Addresses of its `nameserver` lines, in order. */
  readonly nameservers: readonly string[]
  /** Domains of its last `search` or `domain` line, in lower case and without final dots; not the root. */
  readonly search: readonly string[]
}

/** All other lines are for the clients. @see resolv.conf(5) */
export function parseResolvConf(text: string): ResolvConf {
  const nameservers: string[] = []
  let search: readonly string[] = []
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line
      .replace(/[#;].*$/, '')
      .trimEnd()
      .split(/\s+/)
    const [first] = words
    if (keyword === 'nameserver' && first !== undefined) nameservers.push(first)
    if (keyword === 'search' || keyword === 'domain')
      search = words.map((word) => word.toLowerCase().replace(/\.$/, '')).filter((word) => word !== '')
  }
  return { nameservers, search }
}
