import { runProcess, runProgram } from '@edgeway/runtime'
import { TUNNEL_SERVER } from './program.ts'
import { runServer } from './server.ts'

await runProcess((host) => runProgram({ ...TUNNEL_SERVER, run: runServer }, host))
