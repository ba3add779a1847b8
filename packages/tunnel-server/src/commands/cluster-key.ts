import { type ClusterKeys, keyIdOf } from '@edgeway/tunnel'
import { isoTime, type TunnelServerCommand, WHEN_IT_HOLDS, withKeys } from './command.ts'

export const CLUSTER_KEY_SHOW: TunnelServerCommand = {
  name: 'cluster-key show',
  summary: 'Prints which keys sign for the cluster, and what is revoked. No secret is printed.',
  details: `One line each: the cluster's id; the serial number of what members were told; its keys, the one that signs first;
nodes, peers (keys) and join tokens that are revoked, with the time of it.`,
  options: {},
  read: () => withKeys((keys, host) => host.print(linesOf(keys).join('\n'))),
}

export const CLUSTER_KEY_ROTATE: TunnelServerCommand = {
  name: 'cluster-key rotate',
  summary:
    'Makes a new key that signs for the cluster from now on, and prints its id. The one before stays trusted.',
  details: `Nothing is interrupted: certificates hold on, and nodes get one by the new key when they renew theirs, at two thirds of
its life. The standing join token is made anew; other join tokens of the older key are good until it is retired.

Servers that keep a cluster.json of their own (state.kind: files) are told that there is a new key, but not the key:
copy the file to each of them, before anything else. They take it over while they run, and say so in their log.

When all nodes have renewed, \`cluster-key retire\` ends the older key. If the older key is known to somebody who should
not have it, that can't wait: retire it at once, and let the nodes enrol again.

${WHEN_IT_HOLDS}`,
  options: {},
  read: () =>
    withKeys(async (keys, host) => {
      await keys.rotate()
      host.print(signingKeyOf(keys))
      host.printError(
        'The new key signs from now on. Servers with a cluster.json of their own need a copy of this one. Once every node has ' +
          'renewed its certificate, run `cluster-key retire`.',
      )
    }),
}

export const CLUSTER_KEY_RETIRE: TunnelServerCommand = {
  name: 'cluster-key retire',
  summary: 'Ends the trust in all keys of the cluster but the newest one.',
  details: `Certificates and join tokens that an older key has signed don't hold any more: a node that has not renewed since the
rotation is thrown out, and has to enrol again with a new token. Which nodes those are can't be known here. They are none
once one whole life of a certificate (membership.certificateValidHours, 30 days unless set) has passed since
\`cluster-key rotate\`: wait for that, unless the older key is in foreign hands.

${WHEN_IT_HOLDS}`,
  options: {},
  read: () =>
    withKeys(async (keys, host) => {
      const older = keys.trust.rootIds.filter((id) => id !== signingKeyOf(keys))
      if (older.length === 0) {
        host.printError('There is no older key: nothing was changed. `cluster-key rotate` makes a new one.')
        return
      }
      await keys.retire()
      host.printError(
        `Retired: ${older.join(', ')}. Nodes whose certificate is by an older key have to enrol again.`,
      )
    }),
}

function linesOf(keys: ClusterKeys): string[] {
  const { trust, cluster } = keys
  const signing = signingKeyOf(keys)
  const signs = keys.missingKey === undefined ? 'signs' : 'signs, and is not kept here: copy cluster.json'
  const roots = trust.rootIds.map(
    (id) => `key ${id} ${id === signing ? signs : 'trusted until it is retired'}`,
  )
  const revoked = (trust.content?.revoked ?? []).filter(({ lifted }) => lifted === undefined)
  return [
    `cluster ${cluster}`,
    `serial ${trust.serial}`,
    ...roots,
    ...revoked.map(({ kind, value, at }) => `revoked ${kind} ${value} ${isoTime(at)}`),
  ]
}

/** Its id. */
function signingKeyOf({ trust }: ClusterKeys): string {
  const [signing] = trust.content?.roots ?? []
  return signing === undefined ? '' : keyIdOf(signing)
}
