import { buildSchema, findBreakingChanges } from 'graphql'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'

const SCHEMA = path.resolve(import.meta.dirname, '../../schema')
const RELEASED = path.join(SCHEMA, 'released')
/** This version and the one released before it are spoken. */
const SPOKEN = 2

const read = (file: string) => buildSchema(readFileSync(file, 'utf8'))
const versionOf = (name: string) => Number(/^agent-(\d+)\.graphql$/.exec(name)?.[1])
const released = readdirSync(RELEASED)
  .filter((name) => versionOf(name) > 0)
  .sort((a, b) => versionOf(b) - versionOf(a))
  .slice(0, SPOKEN)

describe('the control channel', () => {
  it('has a released version', () => {
    expect(released.length).toBeGreaterThan(0)
  })

  it.each(released)('still serves agents of %s', (name) => {
    expect(findBreakingChanges(read(path.join(RELEASED, name)), read(path.join(SCHEMA, 'agent.graphql')))).toEqual([])
  })
})
