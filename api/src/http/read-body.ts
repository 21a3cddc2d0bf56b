import type { IncomingMessage } from 'node:http'

/** The body of a request; null when it is larger than `limit` bytes, of which no more is then kept. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer<ArrayBuffer> | null> {
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > limit) return null
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length
    if (size > limit) return null
    parts.push(part)
  }
  return Buffer.concat(parts)
}
