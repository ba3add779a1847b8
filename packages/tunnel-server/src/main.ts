import { runProcess, runProgram } from '@edgeway/runtime'
import manifest from '../package.json' with { type: 'json' }
import { tunnelServerConfigSchema } from './config.ts'
import { runServer } from './server.ts'

await runProcess((host) =>
  runProgram(
    {
      name: 'tunnel-server',
      summary: 'The part of edgeway that runs in the cloud: relay, registry and admission of nodes.',
      version: manifest.version,
      schema: tunnelServerConfigSchema,
      run: runServer,
    },
    host,
  ),
)
