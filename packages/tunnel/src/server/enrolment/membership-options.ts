/** How long what a tunnel server gives out is good for. */
export interface MembershipOptions {
  /** Of a membership certificate; it is renewed at two thirds of that. A node that is away for longer has to enrol again. */
  readonly certificateValidHours: number
  /** Of the standing join token; a new one is made when a third of that is left. */
  readonly joinTokenValidDays: number
}

export const DEFAULT_MEMBERSHIP_OPTIONS: MembershipOptions = {
  certificateValidHours: 720,
  joinTokenValidDays: 365,
}
