import { describe, expect, it } from 'vitest'
import { parseRule } from './parse-rule.ts'
import { applyScript, EMPTY_RULESET } from './ruleset.ts'

describe('the packet tracer', () => {
  it.each([
    'counter',
    'ip daddr . th sport @set4',
    'ct mark 1 return',
    'redirect to :80',
    'reject with icmpx admin-prohibited',
    'ip daddr { 10.0.0.1 } return',
    'ip daddr != 10.0.0.1 return',
    'numgen inc mod 3 vmap @map4',
    'ip daddr . tcp dport 80 return',
  ])('refuses a rule that it does not know: %s', (rule) => {
    expect(() => parseRule(rule)).toThrow(SyntaxError)
  })

  it.each([
    'add rule inet edgeway services return',
    'table inet edgeway {\n  chain a { type route hook output priority 0; policy accept;\n  }\n}',
    'table inet edgeway {\n  chain a { type filter hook input priority 0; policy drop;\n  }\n}',
    'add element inet edgeway missing { 1 }',
    'table inet edgeway {\n  set a { type inet_service; }\n}\ndelete element inet edgeway a { 1 }',
    'table inet edgeway {\n  map a { type inet_service : verdict; }\n}\nadd element inet edgeway a { 1 : goto b, 1 : goto c }',
  ])('refuses a script that it does not know or that the kernel would refuse: %s', (script) => {
    expect(() => applyScript(EMPTY_RULESET, script)).toThrow()
  })
})
