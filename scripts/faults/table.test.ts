import { expect, it } from 'vitest'
import { formatFaultTable } from './table.ts'

it('shows median and maximum of each recovery, and a dash where none was measured', () => {
  const text = formatFaultTable([
    {
      row: 1,
      fault: 'agent killed',
      seed: 7,
      tries: 3,
      violations: ['seed 8: a line was lost'],
      milliseconds: { api: [], agent: [900], truth: [1000, 3000, 1500, 2000] },
    },
  ])
  expect(text.split('\n')).toEqual([
    'fault           seed  tries  violations  truth   max  agent   max  api  max',
    '1 agent killed     7      3           1   1.75  3.00   0.90  0.90    -    -',
  ])
})
