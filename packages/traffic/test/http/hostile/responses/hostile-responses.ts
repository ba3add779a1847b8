import { earlyAnswers } from './early-answers.ts'
import { extraBytes } from './extra-bytes.ts'
import { framings } from './framings.ts'
import { heads } from './heads.ts'
import type { HostileResponse } from './hostile-response.ts'

/** Malformed and ambiguous responses of endpoints, with some that only seem so among them. */
export const HOSTILE_RESPONSES: readonly HostileResponse[] = [
  ...framings(),
  ...heads(),
  ...extraBytes(),
  ...earlyAnswers(),
]
