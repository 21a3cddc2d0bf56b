import { expect, it } from 'vitest'
import { brokenCommands, brokenCounts } from './witness.ts'

it('accepts runs that each count from one', () => {
  expect(brokenCounts('witness ready\ntick 1\ngot 1 a\ntick 2\nwitness ready\ntick 1\ngot 1 b\ngot 2 c\ntic')).toEqual([])
})

it('finds a line that is missing and one that is there twice', () => {
  expect(brokenCounts('witness ready\ntick 1\ntick 3\n')).toEqual(['tick 3 where 2 was due'])
  expect(brokenCounts('witness ready\ntick 1\ngot 1 a\ngot 1 a\n')).toEqual(['got 1 where 2 was due'])
})

const command = (text: string, status: string, errorCode: string | null = null) => ({ text, status, errorCode })

it.each([
  ['done and read', 'done', [command('line-1', 'DONE')], 'got 1 line-1\n', 0],
  ['never stored, never read', 'unknown', [], '', 0],
  ['not known, read', 'unknown', [command('line-1', 'FAILED', 'OUTCOME_UNKNOWN')], 'got 1 line-1\n', 0],
  ['not known, not read', 'unknown', [command('line-1', 'FAILED', 'OUTCOME_UNKNOWN')], '', 0],
  ['done and forgotten', 'done', [command('line-1', 'DONE')], '', 1],
  ['stored as done and forgotten', 'unknown', [command('line-1', 'DONE')], '', 1],
  ['applied twice', 'done', [command('line-1', 'DONE')], 'got 1 line-1\ngot 2 line-1\n', 1],
  ['refused and read', 'refused', [command('line-1', 'FAILED', 'NOT_RUNNING')], 'got 1 line-1\n', 1],
  ['read and not stored', 'unknown', [], 'got 1 line-1\n', 1],
] as const)('a command that is %s', (_what, outcome, commands, output, breaches) => {
  expect(brokenCommands(new Map([['line-1', outcome]]), commands, output)).toHaveLength(breaches)
})
