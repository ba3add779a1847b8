import { readdir } from 'node:fs/promises'
import type { MeshProcess } from '@edgeway/testbed'

/** How many descriptors the process has open now. */
export async function openFiles({ pid }: MeshProcess): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length
}
