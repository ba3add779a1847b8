import { CLUSTER_KEY_RETIRE, CLUSTER_KEY_ROTATE, CLUSTER_KEY_SHOW } from './cluster-key.ts'
import type { TunnelServerCommand } from './command.ts'
import { READMIT, REVOKE } from './revoke.ts'
import { TOKEN_CREATE, TOKEN_REVOKE } from './token.ts'

/** What the operator can do beside a running server. In the order of --help. */
export const COMMANDS: readonly TunnelServerCommand[] = [
  TOKEN_CREATE,
  TOKEN_REVOKE,
  REVOKE,
  READMIT,
  CLUSTER_KEY_SHOW,
  CLUSTER_KEY_ROTATE,
  CLUSTER_KEY_RETIRE,
]
