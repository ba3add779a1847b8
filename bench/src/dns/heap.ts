import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { absolute, type Result } from '../result.ts'
import { SERVICES } from './dns-scene.ts'

const MAIN = fileURLToPath(new URL('../../../packages/dns/test/heap-per-service.ts', import.meta.url))

/** What the responder alone keeps for a Service once its name was asked for, the directory left out. */
export async function measureHeap(): Promise<Result> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', MAIN, String(SERVICES)])
  const name = { bench: 'dns', case: `${SERVICES} Services`, metric: 'heap per Service', unit: 'bytes' }
  return absolute(name, [Number(stdout)])
}
