import { describe, expect, it } from 'vitest'
import type { FormVariable } from './create-form.ts'
import { changesOf, formOf, settingsProblems, type ServerSettings } from './settings-form.ts'

const settings: ServerSettings = {
  id: '1',
  name: 'Arena',
  limits: { memoryMiB: 512, cpuPercent: 100, diskMiB: 1024 },
  cpuset: '',
  restartPolicy: { policy: 'ON_FAILURE', cleanExitCodes: [0, 130], maximumRestarts: 5, windowSeconds: 600 },
  bootPolicy: 'RESTORE',
  stopRule: { command: 'quit', signal: null, timeoutSeconds: 30, isOwn: false },
  variables: [{ name: 'MAP', value: 'oa_dm1' }],
}
const map: FormVariable = {
  name: 'MAP',
  title: 'Map',
  type: 'STRING',
  defaultValue: '',
  isRequired: true,
  isEditable: true,
  minimum: null,
  maximum: null,
  minLength: null,
  maxLength: 8,
  pattern: null,
  choices: null,
}
const changed = (part: Partial<ReturnType<typeof formOf>>) => changesOf({ ...formOf(settings), ...part }, settings, [map])
const wrong = (part: Partial<ReturnType<typeof formOf>>) => Object.keys(settingsProblems({ ...formOf(settings), ...part }, [map]))

describe('changesOf', () => {
  it('sends nothing when nothing changed, and only what did', () => {
    expect(changed({})).toBeNull()
    expect(changed({ memoryMiB: '1024' })).toEqual({ memoryMiB: 1024 })
    expect(changed({ variables: { MAP: 'oa_dm4' } })).toEqual({ variables: [{ name: 'MAP', value: 'oa_dm4' }] })
    expect(changed({ cpuset: ' 0-1 ' })).toEqual({ cpuset: '0-1' })
    expect(changed({ bootPolicy: 'NEVER', name: ' Lobby ' })).toEqual({ name: 'Lobby', bootPolicy: 'NEVER' })
  })

  it('sends the part of the restart policy that its kind asks for', () => {
    expect(changed({ policy: 'NEVER' })).toEqual({ restartPolicy: { policy: 'NEVER' } })
    expect(changed({ policy: 'ALWAYS' })).toEqual({ restartPolicy: { policy: 'ALWAYS', maximumRestarts: 5, windowSeconds: 600 } })
    expect(changed({ cleanExitCodes: '0 2' })?.restartPolicy?.cleanExitCodes).toEqual([0, 2])
  })

  it('replaces the stop rule as a whole, and gives it back to the template', () => {
    expect(changed({ stopKind: 'signal', stopSignal: 'SIGINT' })).toEqual({ stop: { signal: 'SIGINT', timeoutSeconds: 30 } })
    expect(changed({ stopSignal: 'SIGINT' })).toBeNull()
    const own = { ...settings, stopRule: { ...settings.stopRule, isOwn: true } }
    expect(changesOf({ ...formOf(own), stopKind: 'template' }, own, [map])).toEqual({ stop: null })
  })
})

describe('settingsProblems', () => {
  it('finds nothing wrong with what is there', () => {
    expect(wrong({})).toEqual([])
  })

  it.each([
    [{ name: ' ' }, 'name'],
    [{ memoryMiB: '8' }, 'memoryMiB'],
    [{ cpuset: '0-x' }, 'cpuset'],
    [{ windowSeconds: '5' }, 'restartPolicy.windowSeconds'],
    [{ maximumRestarts: 'x' }, 'restartPolicy.maximumRestarts'],
    [{ cleanExitCodes: '0, 300' }, 'restartPolicy.cleanExitCodes'],
    [{ stopKind: 'command' as const, stopCommand: '' }, 'stop.command'],
    [{ stopKind: 'signal' as const, stopSignal: 'SIGINT', stopTimeoutSeconds: '0' }, 'stop.timeoutSeconds'],
    [{ variables: { MAP: 'far too long' } }, 'variables.MAP'],
  ])('refuses %j at its field', (part, field) => {
    expect(wrong(part)).toEqual([field])
  })

  it('does not judge what is not asked for', () => {
    expect(wrong({ policy: 'NEVER', windowSeconds: '', maximumRestarts: '', cleanExitCodes: 'x' })).toEqual([])
  })
})
