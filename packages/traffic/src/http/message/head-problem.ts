/** Why a message is refused. */
export interface HeadProblem {
  /** One sentence that names the field, for whoever sent the message, and for the log. */
  readonly problem: string
  /** What the client is answered; 502 where it was the endpoint's response that could not be passed on. */
  readonly status: 400 | 405 | 408 | 414 | 417 | 431 | 501 | 502 | 505
}

export function isProblem(parsed: object): parsed is HeadProblem {
  return 'problem' in parsed
}

export function badRequest(problem: string): HeadProblem {
  return { problem, status: 400 }
}

export function badResponse(problem: string): HeadProblem {
  return { problem, status: 502 }
}
