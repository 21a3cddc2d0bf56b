/** Longest escape sequence that is kept in mind; a longer one is not meant for people. */
const LONGEST = 64

/**
 * Lets colours pass and little else. A game's output is a stranger's text: cursor movements could paint over other lines,
 * queries would be answered, titles and clipboard sequences act outside of the console. Kept are printable text, newline,
 * carriage return, tab, SGR (`ESC [ … m`) and erasing in the line (`ESC [ … K`). State survives between chunks.
 */
export function createTerminalFilter() {
  let state: 'text' | 'escape' | 'csi' | 'string' | 'string-escape' | 'charset' = 'text'
  let sequence = ''

  return (input: string): string => {
    let output = ''
    for (const character of input) {
      const code = character.codePointAt(0) ?? 0
      switch (state) {
        case 'text':
          if (code === 0x1b) state = 'escape'
          else if (code === 0x9b) {
            state = 'csi'
            sequence = ''
          } else if (code === 0x90 || code === 0x98 || (code >= 0x9d && code <= 0x9f)) state = 'string'
          else if (
            character === '\n' ||
            character === '\r' ||
            character === '\t' ||
            (code >= 0x20 && code !== 0x7f && !(code >= 0x80 && code <= 0x9f))
          )
            output += character
          break
        case 'escape':
          if (character === '[') {
            state = 'csi'
            sequence = ''
          } else if (']PX^_'.includes(character)) state = 'string'
          else if ('()*+-./ #%'.includes(character)) state = 'charset'
          else state = code === 0x1b ? 'escape' : 'text'
          break
        case 'charset':
          state = 'text'
          break
        case 'csi':
          if (code >= 0x40 && code <= 0x7e) {
            if ((character === 'm' || character === 'K') && /^[\d;:]*$/.test(sequence)) output += `\x1b[${sequence}${character}`
            state = 'text'
          } else if (code === 0x1b) state = 'escape'
          else if (code < 0x20 || sequence.length >= LONGEST) state = 'text'
          else sequence += character
          break
        case 'string':
          if (code === 0x07 || code === 0x9c) state = 'text'
          else if (code === 0x1b) state = 'string-escape'
          // A string that never ends must not swallow the console: lines end it.
          else if (character === '\n') {
            state = 'text'
            output += character
          }
          break
        case 'string-escape':
          state = character === '\\' ? 'text' : 'string'
      }
    }
    return output
  }
}

/** Text alone: what is left of a piece of output without colours and whatever else is not text. */
export const withoutEscapes = (text: string): string => createTerminalFilter()(text).replaceAll(/\x1b\[[\d;:]*[mK]/g, '')
