import { execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** The programs by which the network of this machine is changed. */
export type Host = {
  /** Output of a program; throws with what it wrote to standard error. */
  run(command: string, args: readonly string[]): Promise<string>
  /** True when it succeeds. */
  succeeds(command: string, args: readonly string[]): Promise<boolean>
  /** Runs a program with this standard input. */
  feed(command: string, args: readonly string[], input: string): Promise<void>
}

export function createHost(): Host {
  return {
    async run(command, args) {
      return (await execute(command, [...args])).stdout
    },
    async succeeds(command, args) {
      try {
        await execute(command, [...args])
        return true
      } catch {
        return false
      }
    },
    feed(command, args, input) {
      return new Promise((resolve, reject) => {
        const child = spawn(command, [...args], { stdio: ['pipe', 'ignore', 'pipe'] })
        let said = ''
        child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
        child.once('error', reject)
        child.once('close', (code) => {
          if (code === 0) resolve()
          else reject(new Error(`${command} ${args.join(' ')} ended with ${String(code)}: ${said.trim()}`))
        })
        child.stdin.on('error', () => undefined)
        child.stdin.end(input)
      })
    },
  }
}
