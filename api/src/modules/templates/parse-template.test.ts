import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { TemplateInvalidError } from '../../lib/errors.ts'
import { parseTemplate, TEMPLATES_FOLDER } from './parse-template.ts'

const good = {
  catalyst: 1,
  slug: 'echo',
  name: 'Echo',
  version: '1',
  image: { debian: { packages: ['busybox'] } },
  startup: ['/bin/busybox', 'nc', '-l', '-p', '{{SERVER_PORT}}', '{{GREETING}}'],
  stop: { signal: 'SIGTERM' },
  ports: [{ name: 'game', protocol: 'tcp' }],
  variables: [{ name: 'GREETING', title: 'Greeting', type: 'string', default: 'hello' }],
}

/** Problems of a text, as `path: code`. */
function problemsOf(source: string): string[] {
  try {
    parseTemplate(source)
    return []
  } catch (error) {
    if (!(error instanceof TemplateInvalidError)) throw error
    return error.fields.map((field) => `${field.path.join('.')}: ${field.code}`)
  }
}
const problemsWith = (change: object) => problemsOf(JSON.stringify({ ...good, ...change }))

describe('parseTemplate', () => {
  it('takes the bundled templates', () => {
    const files = readdirSync(TEMPLATES_FOLDER).filter((file) => file.endsWith('.yaml'))
    expect(files.length).toBeGreaterThan(0)
    for (const file of files) expect(problemsOf(readFileSync(path.join(TEMPLATES_FOLDER, file), 'utf8')), file).toEqual([])
  })

  it('fills in what is left out', () => {
    const spec = parseTemplate(JSON.stringify(good))
    expect(spec).toMatchObject({
      summary: '',
      environment: {},
      readOnlyRoot: true,
      workingDirectory: '/data',
      stop: { signal: 'SIGTERM', timeoutSeconds: 30 },
      ports: [{ name: 'game', primary: true, summary: '' }],
      variables: [{ name: 'GREETING', default: 'hello', required: false, isEditable: true }],
      image: { debian: { remove: [], keep: [] } },
    })
  })

  it.each([
    ['a port', { ports: [{ name: 'game', protocol: 'sctp' }] }, 'ports.0.protocol: ENUM'],
    ['a type', { startup: 'run' }, 'startup: TYPE'],
    ['an unknown field', { privileged: true }, ': ADDITIONALPROPERTIES'],
    ['a missing field', { image: undefined }, ': REQUIRED'],
    ['both ways to stop', { stop: { signal: 'SIGTERM', command: 'quit' } }, 'stop: ONEOF'],
    ['an unknown placeholder', { startup: ['{{SECRET}}'] }, 'startup.0: UNKNOWN_VARIABLE'],
    [
      'two ports of one name',
      {
        ports: [
          { name: 'game', protocol: 'tcp' },
          { name: 'game', protocol: 'udp' },
        ],
      },
      'ports.1.name: DUPLICATE',
    ],
    [
      'a default against its own rule',
      { variables: [{ name: 'GREETING', title: 'G', type: 'integer', default: '9', maximum: 5 }] },
      'variables.0.default: TOO_BIG',
    ],
    ['a choice without choices', { variables: [{ name: 'GREETING', title: 'G', type: 'choice' }] }, 'variables.0.choices: REQUIRED'],
    [
      'a dangerous pattern',
      { variables: [{ name: 'GREETING', title: 'G', type: 'string', pattern: '(a|a)*b' }] },
      'variables.0.pattern: INVALID',
    ],
    ['a dangerous ready rule', { ready: { regex: '(x+x+)+y' } }, 'ready.regex: INVALID'],
  ])('names the path of %s', (_what, change, problem) => {
    expect(problemsWith(change)).toContain(problem)
  })

  it('refuses aliases, which could grow without bounds', () => {
    const bomb = `a: &a ["x","x"]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]\n`
    expect(problemsOf(bomb)).toEqual([': INVALID'])
  })

  it('refuses duplicate keys', () => {
    expect(problemsOf('slug: a\nslug: b\n')).toEqual([': INVALID'])
  })

  it.each([
    ['flow brackets', '['.repeat(100_000)],
    ['maps', '{a: '.repeat(30_000)],
    ['dashes', '- '.repeat(100_000)],
    ['questions', '? '.repeat(100_000)],
    ['indentation', Array.from({ length: 600 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
  ])('refuses nesting by %s quickly', (_what, source) => {
    const started = performance.now()
    expect(problemsOf(source)).toHaveLength(1)
    expect(performance.now() - started).toBeLessThan(2_000)
  })

  it('refuses what is too large, and what is no mapping', () => {
    expect(problemsOf('x'.repeat(300 * 1024))).toEqual([': TOO_LONG'])
    expect(problemsOf('just text')).toEqual([': TYPE'])
    expect(problemsOf('')).toEqual([': TYPE'])
    expect(problemsOf('a: \0')).toEqual([': INVALID'])
  })

  it('is not tricked by keys of Object.prototype', () => {
    expect(problemsOf('{"__proto__": {"polluted": 1}, "constructor": 1}').length).toBeGreaterThan(0)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
})
