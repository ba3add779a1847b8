import { EdgewayError } from '@edgeway/core'
import { CommandLineError } from '@edgeway/runtime'
import { type JoinToken, parseJoinToken } from '@edgeway/tunnel'
import { isoTime, nodeOf, type TunnelServerCommand, WHEN_IT_HOLDS, withKeys } from './command.ts'
import { DURATION_FORM, parseDuration } from './duration.ts'

const DEFAULT_VALID_SECONDS = 86_400
const MAX_ID_LENGTH = 100

export const TOKEN_CREATE: TunnelServerCommand = {
  name: 'token create',
  summary: 'Makes a join token and prints it: it lets one node in, once, within 24 hours.',
  details: `The token is all that is printed to standard output, so that it can be piped to where the node reads it
(tunnel.joinTokenFile of the agent). Its id, for \`token revoke\`, goes to standard error. It is not stored anywhere: who
loses it makes another one. Whoever has it can let a node in: hand it over as you would a password.

The node needs it only until it has joined; then it has a key and a certificate of its own. A token for many uses that
ends in the wrong hands has to be revoked, and so has each node that was let in by it; give one to nodes that are
installed by themselves, e.g. by a DaemonSet, and bind all others to their node by --node.

The token pins the cluster's key: the node shows it to nobody but tunnel servers that prove to be of this cluster.`,
  options: {
    node: { value: 'NODE', help: 'for the node of that name only; without, for any' },
    'valid-for': {
      value: 'DURATION',
      help: 'how long nodes can join with it, e.g. 90m, 24h (the default) or 30d',
    },
    'multi-use': { help: 'for any number of nodes, instead of one' },
  },
  read(input) {
    const node = nodeOf(input)
    const validSeconds = input.parsed('valid-for', parseDuration, DURATION_FORM) ?? DEFAULT_VALID_SECONDS
    const uses = input.has('multi-use') ? 'multi' : 'single'
    return withKeys((keys, host) => {
      const token = keys.createToken({ uses, validSeconds, ...(node === undefined ? {} : { node }) })
      host.print(token.text)
      host.printError(`token ${token.id}: ${describe(token)}`)
    })
  },
}

export const TOKEN_REVOKE: TunnelServerCommand = {
  name: 'token revoke',
  summary: 'Makes a join token worthless: nobody joins with it any more.',
  details: `Nodes that have joined with it stay members: see \`revoke\` for those that should not have. If it is the standing
token of the cluster, the servers make another one.

${WHEN_IT_HOLDS}`,
  argument: { name: 'ID', help: 'of the token, as `token create` has told it; or the token itself' },
  options: {},
  read(input) {
    const id = idOf(input.argument)
    return withKeys(async (keys, host) => {
      await keys.revoke({ kind: 'token', value: id })
      host.printError(
        `token ${id} is revoked. Whether there is such a token is not known: only its holders have it.`,
      )
    })
  },
}

function describe({ node, uses, notAfter }: JoinToken): string {
  const whom = node === undefined ? whomOf(uses) : `node ${node}`
  const often = uses === 'single' ? ', once' : node === undefined ? '' : ', as often as it likes'
  const end = notAfter === undefined ? '' : `, until ${isoTime(notAfter)}`
  return `lets ${whom} in${often}${end}`
}

function whomOf(uses: JoinToken['uses']): string {
  return uses === 'single' ? 'one node of any name' : 'any number of nodes'
}

/** Of the token itself, whoever wants to revoke it may have nothing else. */
function idOf(text: string): string {
  if (text.length <= MAX_ID_LENGTH && /^[\w-]+$/.test(text)) return text
  try {
    return parseJoinToken(text).id
  } catch (error) {
    if (!(error instanceof EdgewayError)) throw error
    throw new CommandLineError('ID: expected the id of a join token, or the token; found neither', {
      cause: error,
    })
  }
}
