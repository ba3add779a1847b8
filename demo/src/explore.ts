import type { Mesh } from '@edgeway/testbed'

/** Commands to look around with in a lab that stays up. */
export function explorationText(mesh: Mesh): string {
  const pod = (name: string): string => `ip netns exec ${mesh.lab.pod(name).namespace.name}`
  const node = (name: string): string => `ip netns exec ${mesh.lab.node(name).namespace.name}`
  return `
The lab ${mesh.lab.id} stays up. Look around:

  ${pod('camera')} curl -s http://web.shop/
  ${pod('camera')} dig web.shop.svc.cluster.local
  ${node('edge-1')} nft list table inet edgeway
  ${node('edge-1')} curl -s http://127.0.0.1:20009/metrics
  ${node('cloud')} curl -s http://127.0.0.1:20007/readyz
  ${node('cloud')} env ${mesh.kubectl.environment} kubectl get svc,endpointslices -A
  tail -f ${mesh.agent('edge-1').log.file}
  tail -f ${mesh.server.log.file}

Stop it:

  npm run lab -- clean ${mesh.lab.id}
`
}
