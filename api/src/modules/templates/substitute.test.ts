import { describe, expect, it } from 'vitest'
import { placeholdersIn, portVariable, substitute } from './substitute.ts'

describe('substitute', () => {
  it('puts values in once: a value is not read again', () => {
    const values = new Map([
      ['NAME', '{{SECRET}}'],
      ['SECRET', 'hidden'],
      ['DOLLAR', '$& $1'],
    ])
    expect(substitute('{{NAME}} {{DOLLAR}}', values)).toBe('{{SECRET}} $& $1')
  })
  it('leaves unknown names and other braces alone', () => {
    expect(substitute('{{OTHER}} {{lower}} {NAME} ${NAME}', new Map([['NAME', 'x']]))).toBe('{{OTHER}} {{lower}} {NAME} ${NAME}')
  })
  it('finds all placeholders', () => {
    expect(placeholdersIn('a {{B}} {{C_1}}{{B}}')).toEqual(['B', 'C_1', 'B'])
  })
  it('names ports', () => {
    expect(portVariable('game-query')).toBe('PORT_GAME_QUERY')
  })
})
