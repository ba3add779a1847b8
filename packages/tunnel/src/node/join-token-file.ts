import { JoinTokenError } from '../errors.ts'
import { HOW_TO_GET_ONE, type JoinToken, parseJoinToken } from '../identity/join-token.ts'
import type { ClusterId } from '../identity/membership.ts'
import { PrivateFile } from '../state/private-file.ts'

/** What this node may enrol with, and what of its join token file it can't use. */
export interface UsableTokens {
  /** In the order of the file. */
  readonly tokens: readonly JoinToken[]
  /** For people: a reason for each line that was skipped; without the token. */
  readonly skipped: readonly string[]
}

export interface TokenWish {
  /** The cluster that this node belongs to; `undefined` while it belongs to none. */
  readonly cluster: ClusterId | undefined
  readonly node: string
}

/**
 * The tokens of the file that this node may use: one a line; empty lines and lines that start with `#` don't count.
 *
 * @throws {JoinTokenError} when none is usable; the message says why for each line
 */
export async function readJoinTokenFile(path: string, wish: TokenWish): Promise<UsableTokens> {
  const place = `join token file ${path}`
  const text = (await new PrivateFile(path).read())?.toString('utf8')
  if (text === undefined) throw new JoinTokenError(`${place} is missing: ${HOW_TO_GET_ONE}`)
  const usable = usableTokens(text, wish)
  if (usable.tokens.length > 0) return usable
  if (usable.skipped.length === 0) throw new JoinTokenError(`${place} is empty: ${HOW_TO_GET_ONE}`)
  throw new JoinTokenError(
    `${place} holds no token that this node can use (${usable.skipped.join('; ')}): ${HOW_TO_GET_ONE}`,
  )
}

export function usableTokens(text: string, wish: TokenWish): UsableTokens {
  const tokens: JoinToken[] = []
  const skipped: string[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim()
    if (trimmed === '' || trimmed.startsWith('#')) continue
    const token = parsed(trimmed)
    const problem = typeof token === 'string' ? token : problemOf(token, wish)
    if (problem !== undefined) skipped.push(`line ${index + 1}: ${problem}`)
    else if (typeof token !== 'string') tokens.push(token)
  }
  return { tokens, skipped }
}

/** Why it can't be used, where it can't even be read. */
function parsed(line: string): JoinToken | string {
  try {
    return parseJoinToken(line)
  } catch (error) {
    if (error instanceof JoinTokenError) return error.message
    throw error
  }
}

/** The server has the last word about times: it alone knows whether the clock here is right. */
function problemOf({ cluster, node }: JoinToken, wish: TokenWish): string | undefined {
  if (wish.cluster !== undefined && cluster !== wish.cluster) {
    const how = 'to move it, delete identity.json and peers.json in its data folder'
    return `the token is of cluster ${cluster}, and this node belongs to cluster ${wish.cluster}; ${how}`
  }
  if (node !== undefined && node !== wish.node)
    return `the token is for node ${node}, and this is ${wish.node}`
  return undefined
}
