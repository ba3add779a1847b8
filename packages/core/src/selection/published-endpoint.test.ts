import { expect, it } from 'vitest'
import { isPublished } from './published-endpoint.ts'

const plain = { publishNotReadyAddresses: false }
const early = { publishNotReadyAddresses: true }

it.each([
  { of: plain, ready: true, terminating: false, published: true },
  { of: plain, ready: false, terminating: false, published: false },
  { of: plain, ready: false, terminating: true, published: false },
  { of: early, ready: false, terminating: false, published: true },
  { of: early, ready: true, terminating: true, published: true },
  { of: early, ready: false, terminating: true, published: false },
])('an endpoint is published as Kubernetes does it: $of, ready $ready, terminating $terminating', (row) => {
  expect(isPublished(row.of, row)).toBe(row.published)
})
