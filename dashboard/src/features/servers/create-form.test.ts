import { describe, expect, it } from 'vitest'
import {
  fieldOfPath,
  formProblems,
  toInput,
  variableProblem,
  type CreateForm,
  type FormTemplate,
  type FormVariable,
} from './create-form.ts'

const variable = (rules: Partial<FormVariable>): FormVariable => ({
  name: 'MAP',
  title: 'Map',
  type: 'STRING',
  defaultValue: '',
  isRequired: false,
  isEditable: true,
  minimum: null,
  maximum: null,
  minLength: null,
  maxLength: null,
  pattern: null,
  choices: null,
  ...rules,
})
const template: FormTemplate = {
  id: 't',
  recommended: { memoryMiB: 512, cpuPercent: 100, diskMiB: 1024 },
  ports: [{ name: 'game' }, { name: 'query' }],
  variables: [variable({ isRequired: true }), variable({ name: 'FIXED', isEditable: false })],
}
const form = (changes: Partial<CreateForm> = {}): CreateForm => ({
  templateId: 't',
  name: ' Arena ',
  ownerId: '',
  nodeId: '',
  location: '',
  tags: [],
  memoryMiB: '512',
  cpuPercent: '100',
  diskMiB: '1024',
  ports: {},
  variables: { MAP: 'oa_dm1' },
  start: true,
  ...changes,
})

describe('formProblems', () => {
  it('finds nothing wrong with a good form', () => {
    expect(formProblems(form(), template)).toEqual({})
  })

  it('names every field that breaks its rules', () => {
    const wrong = form({ name: '', memoryMiB: '1.5', cpuPercent: '5', ports: { game: '70000', query: 'x' }, variables: { MAP: '' } })
    expect(Object.keys(formProblems(wrong, template)).toSorted()).toEqual([
      'cpuPercent',
      'memoryMiB',
      'name',
      'ports.game',
      'ports.query',
      'variables.MAP',
    ])
    expect(formProblems(form({ ports: { game: '25565', query: '25565' } }), template)).toHaveProperty(['ports.query'])
    expect(formProblems(form({ name: 'x'.repeat(65) }), template)).toHaveProperty('name')
  })
})

describe('variableProblem', () => {
  it.each([
    [{ type: 'INTEGER', minimum: 1, maximum: 16 }, '17', 'field.maximum'],
    [{ type: 'INTEGER', minimum: 1 }, '0', 'field.minimum'],
    [{ type: 'INTEGER' }, '1e3', 'field.number'],
    [{ minLength: 3 }, 'ab', 'field.minLength'],
    [{ maxLength: 3 }, 'abcd', 'field.maxLength'],
    [{ pattern: '[a-z]+' }, 'abc1', 'field.pattern'],
  ] as const)('%o refuses %s', (rules, value, key) => {
    expect(variableProblem(variable(rules), value)?.key).toBe(key)
  })

  it('leaves patterns that the browser cannot read to the api', () => {
    expect(variableProblem(variable({ pattern: '(?i)x[' }), 'x')).toBeNull()
  })
})

describe('toInput and back', () => {
  it('sends what was typed, and nothing for what was left open', () => {
    const input = toInput(form({ ports: { game: '', query: '25570' } }), template, 'key')
    expect(input).toMatchObject({
      name: 'Arena',
      memoryMiB: 512,
      ports: [{ name: 'query', port: 25570 }],
      variables: [{ name: 'MAP', value: 'oa_dm1' }],
    })
    expect(input).not.toHaveProperty('nodeId')
    expect(input).not.toHaveProperty('location')
    expect(input).not.toHaveProperty('tags')
    expect(fieldOfPath(['input', 'ports', '0', 'port'], input)).toBe('ports.query')
    expect(fieldOfPath(['variables', '0', 'value'], input)).toBe('variables.MAP')
    expect(fieldOfPath(['variables', 'MAP'], input)).toBe('variables.MAP')
    expect(fieldOfPath(['input', 'name'], input)).toBe('name')
    expect(fieldOfPath(['memoryMiB'], input)).toBe('memoryMiB')
  })
})
