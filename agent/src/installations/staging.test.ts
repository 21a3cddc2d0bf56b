import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { discardStaging, flushStaging, stageFiles, switchFiles } from './staging.ts'

let root: string
let places: { files: string; staging: string; replaced: string }
const { signal } = new AbortController()
const uid = process.getuid?.() ?? 0
const put = (folder: string, name: string, text: string) => {
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, name), text)
}
const read = (folder: string, name: string) => readFileSync(path.join(folder, name), 'utf8')

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'catalyst-staging-'))
  places = { files: path.join(root, 'files'), staging: path.join(root, 'staging'), replaced: path.join(root, 'replaced') }
})
afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

describe('an install works on a copy', () => {
  it('and the old files are there until it is switched', async () => {
    put(places.files, 'world', 'old')
    symlinkSync('/etc/passwd', path.join(places.files, 'link'))
    await stageFiles(places, uid, signal)
    put(places.staging, 'world', 'new')
    expect(read(places.files, 'world')).toBe('old')
    await flushStaging(places)
    await switchFiles(places)
    expect(read(places.files, 'world')).toBe('new')
    expect(readdirSync(places.files).sort()).toEqual(['link', 'world'])
    expect(readdirSync(root)).toEqual(['files'])
  })

  it('or on an empty folder of the server', async () => {
    await stageFiles(places, uid, signal)
    expect(statSync(places.staging).mode & 0o777).toBe(0o700)
    await switchFiles(places)
    expect(readdirSync(root)).toEqual(['files'])
  })

  it('and leaves nothing when it fails', async () => {
    put(places.files, 'world', 'old')
    await stageFiles(places, uid, signal)
    await discardStaging(places)
    await discardStaging(places)
    expect(readdirSync(root)).toEqual(['files'])
    expect(read(places.files, 'world')).toBe('old')
  })

  it('and never takes the last copy away', async () => {
    put(places.replaced, 'world', 'old')
    await discardStaging(places)
    expect(read(places.files, 'world')).toBe('old')
    expect(readdirSync(root)).toEqual(['files'])
  })

  it('and gives up copying when told', async () => {
    put(places.files, 'world', 'old')
    await expect(stageFiles(places, uid, AbortSignal.abort(new Error('cancelled')))).rejects.toThrow('cancelled')
  })

  it('and says what cannot be copied', async () => {
    put(places.files, 'world', 'old')
    await expect(stageFiles({ ...places, staging: path.join(root, 'missing', 'staging') }, uid, signal)).rejects.toThrow(
      'The files could not be copied: cp: ',
    )
  })
})

describe('a switch that was cut', () => {
  it.each([
    ['before anything', () => undefined],
    [
      'between the two renames',
      () => {
        renameSync(places.files, places.replaced)
      },
    ],
    [
      'after the renames',
      () => {
        renameSync(places.files, places.replaced)
        renameSync(places.staging, places.files)
      },
    ],
  ])('%s is finished by the next one', async (_, cut) => {
    put(places.files, 'world', 'old')
    put(places.staging, 'world', 'new')
    cut()
    await switchFiles(places)
    await switchFiles(places)
    expect(read(places.files, 'world')).toBe('new')
    expect(existsSync(places.staging)).toBe(false)
    expect(existsSync(places.replaced)).toBe(false)
  })
})
