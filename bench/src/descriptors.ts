import { readFile } from 'node:fs/promises'

/** How many descriptors a process may have here. */
export interface DescriptorLimit {
  readonly most: number
  /** Whether this process may give others more than it was given itself. */
  readonly canRaise: boolean
}

/** Of CAP_SYS_RESOURCE, see capabilities(7). */
const SYS_RESOURCE_BIT = 24n

export async function descriptorLimit(): Promise<DescriptorLimit> {
  const files = ['/proc/self/limits', '/proc/self/status', '/proc/sys/fs/nr_open']
  const [limits = '', status = '', nrOpen = ''] = await Promise.all(
    files.map((file) => readFile(file, 'utf8')),
  )
  return parseDescriptorLimit({ limits, status, nrOpen })
}

/** @param texts - content of proc(5)'s files of that name, of this process */
export function parseDescriptorLimit(texts: {
  readonly limits: string
  readonly status: string
  readonly nrOpen: string
}): DescriptorLimit {
  const [, hard = ''] = /^Max open files +\d+ +(\d+|unlimited)/m.exec(texts.limits) ?? []
  const [, capabilities = '0'] = /^CapEff:\s+([0-9a-f]+)$/m.exec(texts.status) ?? []
  const canRaise = ((BigInt(`0x${capabilities}`) >> SYS_RESOURCE_BIT) & 1n) === 1n
  const isBoundless = canRaise || hard === 'unlimited'
  return { most: Number(isBoundless ? texts.nrOpen : hard), canRaise }
}
