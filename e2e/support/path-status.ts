import type { MeshProcess } from '@edgeway/testbed'

/** What an agent's `/statusz` says of the way to a node. */
export interface NodePath {
  readonly node: string
  readonly path: string | null
  readonly since: string
  readonly others?: readonly { readonly path: string }[]
  readonly better: readonly { readonly path: string; readonly why: string; readonly message: string }[]
}

/** The way that new flows from an agent's node to another node take; `undefined` while there is nothing to tell. */
export async function pathTo(agent: MeshProcess, node: string): Promise<NodePath | undefined> {
  const status = JSON.parse(await agent.admin('/statusz')) as { tunnel: { paths: readonly NodePath[] } }
  return status.tunnel.paths.find((path) => path.node === node)
}
