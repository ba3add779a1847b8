import { CommandLineError } from '@edgeway/runtime'
import { isPeerId } from '@edgeway/tunnel'
import { isoTime, nodeOf, required, type TunnelServerCommand, WHEN_IT_HOLDS, withKeys } from './command.ts'

export const REVOKE: TunnelServerCommand = {
  name: 'revoke',
  summary:
    'Throws a node out of the cluster: its connections are closed, nobody takes it for a member any more.',
  details: `--node: all certificates for that node name, also those that it renews from now on. A node of that name gets in again only
with a join token that is made for it afterwards (\`token create --node\`), or after \`readmit\`; a standing token or one
for any node is not enough.
--peer: that key for ever, whatever its node is called. For a key that was copied.

A node that was stolen, or whose disk may be in foreign hands: its join token, too, may be known now. If it was one for
many uses, revoke it (\`token revoke\`), or whoever has it can join under the name of another node. The standing token of
the DaemonSet is such a one: revoked, it is made anew by the servers.

${WHEN_IT_HOLDS}
A node that is cut off from all servers trusts the revoked one until the word gets to it, or the certificate ends.`,
  options: {
    node: { value: 'NODE', help: 'its name' },
    peer: { value: 'PEERID', help: 'its key, as in the logs and /statusz' },
  },
  read(input) {
    const node = nodeOf(input)
    const peer = input.parsed('peer', (text) => (isPeerId(text) ? text : undefined), 'the PeerId of a node')
    if ((node === undefined) === (peer === undefined))
      throw new CommandLineError('expected either --node NODE or --peer PEERID')
    const [kind, value] =
      node === undefined ? (['peer', required(peer, '--peer')] as const) : (['node', node] as const)
    return withKeys(async (keys, host) => {
      await keys.revoke({ kind, value })
      host.printError(
        `${kind} ${value} is revoked. Whether there is such a ${kind} is not looked up: check the spelling. If its disk may
be in foreign hands, replace the join tokens for many uses that it knew: see --help.`,
      )
    })
  },
}

export const READMIT: TunnelServerCommand = {
  name: 'readmit',
  summary: 'Takes the revocation of a node name back.',
  details: `Certificates that the node still has hold again, and any good join token lets a node of that name in. Not for a node
that was in foreign hands: wipe it, and make a token for it (\`token create --node\`) instead.
A revoked key (\`revoke --peer\`) stays revoked: let the node make a new one.

${WHEN_IT_HOLDS}`,
  options: { node: { value: 'NODE', help: 'its name' } },
  read(input) {
    const node = required(nodeOf(input), '--node NODE')
    return withKeys(async (keys, host) => {
      const revocation = keys.trust.revocation('node', node)
      if (revocation === undefined) {
        host.printError(`node ${node} is not revoked: nothing was changed.`)
        return
      }
      await keys.readmit('node', node)
      host.printError(`node ${node} is taken again; it was revoked at ${isoTime(revocation.at)}.`)
    })
  },
}
