/** Prints what happens, a line for each step, on standard output. */
export type Progress = {
  /** Runs one step and prints its time; a failure is printed with its cause and thrown on. */
  step<T>(title: string, run: () => Promise<T>): Promise<T>
  say(text: string): void
}

/** A step that failed, with what the user can do about it. */
export class StepError extends Error {
  override readonly name = 'StepError'
  readonly mend: string
  constructor(message: string, mend: string, options?: ErrorOptions) {
    super(message, options)
    this.mend = mend
  }
}

export function createProgress(): Progress {
  const say = (text: string) => {
    process.stdout.write(`${text}\n`)
  }
  return {
    say,
    async step(title, run) {
      const started = performance.now()
      process.stdout.write(`  ${title} … `)
      try {
        const result = await run()
        process.stdout.write(`done in ${((performance.now() - started) / 1000).toFixed(1)} s\n`)
        return result
      } catch (error) {
        process.stdout.write('failed\n')
        throw error
      }
    },
  }
}
