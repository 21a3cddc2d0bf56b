import { createSocket } from 'node:dgram'

/**
 * Sends one datagram to loopback and resolves with the first answer. Games may drop the first one while they start, so it
 * is repeated every 300 ms. Rejects after `timeoutMs`.
 */
export function udpQuery(port: number, payload: Buffer, timeoutMs: number): Promise<Buffer> {
  const socket = createSocket('udp4')
  return new Promise((resolve, reject) => {
    const send = () => {
      socket.send(payload, port, '127.0.0.1')
    }
    const repeat = setInterval(send, 300)
    const timer = setTimeout(() => {
      finish()
      reject(new Error(`no answer from udp port ${String(port)} within ${String(timeoutMs)} ms`))
    }, timeoutMs)
    const finish = () => {
      clearInterval(repeat)
      clearTimeout(timer)
      socket.close()
    }
    socket.once('message', (message) => {
      finish()
      resolve(message)
    })
    socket.once('error', (error) => {
      finish()
      reject(error)
    })
    send()
  })
}

/** Quake 3's status query, as every server browser sends it. */
export const GETSTATUS = Buffer.from('\xff\xff\xff\xffgetstatus\n', 'latin1')

/** Teeworlds 0.7: a control packet that asks for a token, padded so that it cannot be used to amplify traffic. */
export const TOKEN_REQUEST = Buffer.concat([Buffer.from([4, 0, 0, 255, 255, 255, 255, 5, 1, 2, 3, 4]), Buffer.alloc(512)])
