import { EdgewayError } from '@edgeway/core'

/** A command of the system failed, could not be started or did not end in time. */
export class CommandError extends EdgewayError {
  override readonly name = 'CommandError'
  readonly code = 'ERR_COMMAND'

  /** @param why - `remedy`: what a person can do about it, as a sentence without full stop */
  constructor(
    command: readonly string[],
    why: { readonly reason: string; readonly remedy?: string | undefined },
    options?: ErrorOptions,
  ) {
    super(`"${command.join(' ')}" ${why.reason}${why.remedy === undefined ? '' : `. ${why.remedy}`}`, options)
  }
}

/** No rule backend works on this node: without rules no Service is intercepted. */
export class RulesUnavailableError extends EdgewayError {
  override readonly name = 'RulesUnavailableError'
  readonly code = 'ERR_RULES_UNAVAILABLE'

  constructor(reason: string) {
    super(`no rules can be loaded on this node: ${reason}`)
  }
}

/** A device with the name of the node device exists and is somebody else's. */
export class DeviceConflictError extends EdgewayError {
  override readonly name = 'DeviceConflictError'
  readonly code = 'ERR_DEVICE_CONFLICT'

  /** @param difference - what the device is or has and ours not, as a predicate */
  constructor(device: string, difference: string) {
    super(
      `the network device ${device} exists already and ${difference}: ` +
        'remove it or configure another name for the node device',
    )
  }
}
