import { EdgewayError } from '@edgeway/core'

/** The lab could not do what it was asked: a command failed, a name is taken or unknown, a wait ran out. */
export class LabError extends EdgewayError {
  override readonly name = 'LabError'
  readonly code = 'ERR_LAB'
}
