import { join } from 'node:path'

/** The folder that holds `packages/`. */
export const REPOSITORY = join(import.meta.dirname, '../../../..')
