import { runProcess, runProgram } from '@edgeway/runtime'
import manifest from '../package.json' with { type: 'json' }
import { runAgent } from './agent.ts'
import { cleanUp } from './cleanup.ts'
import { edgeAgentConfigSchema } from './config/config.ts'

await runProcess((host) =>
  runProgram(
    {
      name: 'edge-agent',
      summary: 'The part of edgeway that runs on every node: DNS, rules, forwarding and the tunnel.',
      version: manifest.version,
      schema: edgeAgentConfigSchema,
      run: runAgent,
      cleanUp,
    },
    host,
  ),
)
