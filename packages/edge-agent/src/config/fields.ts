/** Kinds of values that several parts of the config have. */
import { z } from 'zod'
import { isHostAndPort, isIpAndPort, isServerAddress } from './address-text.ts'

export const port = z.int().min(0).max(65_535)
/** At most a day: a timer of more than 24.8 days would fire at once. */
export const milliseconds = z.int().positive().max(86_400_000)
export const millisecondsOrNone = z.int().nonnegative().max(86_400_000)
export const hostAndPort = z.string().refine(isHostAndPort, 'expected host:port')
export const serverAddress = z
  .string()
  .refine(isServerAddress, 'expected host:port, ws://host[:port] or wss://host[:port]')
export const ipAndPort = z.string().refine(isIpAndPort, 'expected an IP address, with or without :port')
