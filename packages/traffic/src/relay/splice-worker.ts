/** Entry of the splice worker: one loop over epoll that carries flows until it is told to stop. */
import { parentPort, workerData } from 'node:worker_threads'
import { loadLibc } from '../kernel/libc.ts'
import { SpliceLoop } from './splice-loop.ts'

const libc = await loadLibc()
if (libc === undefined || parentPort === null) throw new Error('the splice worker needs koffi')
const port = parentPort
const loop = new SpliceLoop(libc, { ...workerData, tell: (message) => port.postMessage(message) })
try {
  loop.run()
} finally {
  loop.close()
}
