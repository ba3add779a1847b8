/**
 * Why a node was not let in.
 *
 * - `wrong-token`: the node is no member yet and its join token is not the server's
 * - `node-name-taken`: another key speaks for that node and is connected just now
 * - `key-in-use`: this key speaks for another node that is connected just now
 * - `server-full`: the server has as many members as it can tell a node of
 * - `unsupported-version`: the server does not know that version of the registry protocol
 * - `bad-request`: the join can't be read
 */
export const JOIN_REFUSALS = [
  'wrong-token',
  'node-name-taken',
  'key-in-use',
  'server-full',
  'unsupported-version',
  'bad-request',
] as const

export type JoinRefusal = (typeof JOIN_REFUSALS)[number]
