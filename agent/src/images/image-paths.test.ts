import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { isLeftOut, leaveOut } from './image-paths.ts'

describe('isLeftOut', () => {
  const rules = { remove: ['/usr/share', '/lib/perl*'], keep: ['/usr/share/games/x', '/lib/perl-base/a*'] }
  it.each([
    ['/usr/share', true],
    ['/usr/share/doc/a', true],
    ['/usr/shared', false],
    ['/usr/share/games/x', false],
    ['/usr/share/games/x/y', false],
    ['/usr/share/games/xy', true],
    ['/lib/perl5/b', true],
    ['/lib/perl-base/abc', false],
    ['/lib/perl-base/b', true],
    ['/lib/other', false],
  ])('%s: %s', (file, expected) => {
    expect(isLeftOut(rules, file)).toBe(expected)
  })
})

describe('leaveOut', () => {
  it('deletes files and emptied folders, and never follows a link out of the tree', async () => {
    const base = mkdtempSync(path.join(tmpdir(), 'catalyst-paths-'))
    const tree = path.join(base, 'tree')
    mkdirSync(path.join(tree, 'usr/share/doc'), { recursive: true })
    mkdirSync(path.join(tree, 'usr/share/keep'))
    mkdirSync(path.join(base, 'outside'))
    writeFileSync(path.join(base, 'outside/file'), '')
    for (const name of ['usr/share/doc/a', 'usr/share/keep/b', 'usr/c']) writeFileSync(path.join(tree, name), '')
    symlinkSync('../../../outside', path.join(tree, 'usr/share/link'))

    await leaveOut(tree, { remove: ['/usr/share'], keep: ['/usr/share/keep'] })

    expect(readdirSync(path.join(tree, 'usr/share'))).toEqual(['keep'])
    expect(existsSync(path.join(tree, 'usr/c'))).toBe(true)
    expect(existsSync(path.join(base, 'outside/file'))).toBe(true)
    rmSync(base, { recursive: true })
  })
})
