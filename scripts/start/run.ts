import { spawn } from 'node:child_process'

/**
 * Runs a program to its end.
 * @returns what it wrote to standard output
 * @throws Error with the last lines of its output when it fails
 */
export function run(command: string, args: string[], options: { cwd: string; env: NodeJS.ProcessEnv }): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let all = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      all += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      all += chunk.toString()
    })
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) resolve(output)
      else
        reject(
          new Error(`${command} ${args.join(' ')} ended with ${signal ?? String(code)}:\n${all.trim().split('\n').slice(-15).join('\n')}`),
        )
    })
  })
}
