import type { ObjectStore } from '../object-store.ts'
import { followDefinitions } from './custom-kinds.ts'
import { mirrorEndpoints } from './endpoint-slice-mirroring.ts'
import { terminateNamespaces } from './namespace-termination.ts'

/** What kube-controller-manager does as far as the double has it. */
export function runControllers(store: ObjectStore): Disposable {
  const running = new DisposableStack()
  running.use(followDefinitions(store))
  running.use(mirrorEndpoints(store))
  running.use(terminateNamespaces(store))
  return running
}
