import { describe, expect, it } from 'vitest'
import { chainsOf, jumpsOf, renderFirewall } from './firewall.ts'
import { namesFor } from './names.ts'

const names = namesFor('catalyst')
const CIDR = '10.96.0.0/20'
const CABLES = `${names.cablePrefix}+`
const linesOf = (text: string, table: string) => (text.split(`*${table}\n`)[1] ?? '').split('\nCOMMIT')[0]?.split('\n') ?? []

describe('renderFirewall', () => {
  it('leads a port of the node and of loopback to its server, for each protocol', () => {
    const text = renderFirewall(names, CIDR, [
      { address: '10.96.0.2', ports: [{ ip: '192.0.2.7', port: 25500, protocol: 'both', containerPort: 25565 }] },
    ])
    const rules = linesOf(text, 'nat').filter((line) => line.includes('-j DNAT'))
    expect(rules).toEqual(
      ['-d 192.0.2.7/32', `! -i ${CABLES} -d 127.0.0.1/32`].flatMap((where) =>
        ['tcp', 'udp'].map((protocol) => `-A catalyst-dnat ${where} -p ${protocol} --dport 25500 -j DNAT --to-destination 10.96.0.2:25565`),
      ),
    )
  })

  it('gives a loopback mapping once', () => {
    const text = renderFirewall(names, CIDR, [
      { address: '10.96.0.2', ports: [{ ip: '127.0.0.1', port: 1, protocol: 'tcp', containerPort: 1 }] },
    ])
    expect(text.match(/DNAT --to/g)).toHaveLength(1)
  })

  it('drops between servers, to metadata, to the host and from foreign addresses before it accepts', () => {
    const filter = linesOf(renderFirewall(names, CIDR, []), 'filter')
    const forward = filter.filter((line) => line.startsWith('-A catalyst-fwd'))
    expect(forward.slice(0, 4)).toEqual([
      `-A catalyst-fwd -i ${CABLES} ! -s ${CIDR} -j DROP`,
      `-A catalyst-fwd -i ${CABLES} -d 169.254.0.0/16 -j DROP`,
      `-A catalyst-fwd -i ${CABLES} -d 100.100.100.200/32 -j DROP`,
      `-A catalyst-fwd -i ${CABLES} -d 168.63.129.16/32 -p tcp -j DROP`,
    ])
    expect(forward.indexOf(`-A catalyst-fwd -o ${CABLES} -j DROP`)).toBeLessThan(forward.indexOf(`-A catalyst-fwd -i ${CABLES} -j ACCEPT`))
    expect(filter.at(-1)).toBe(`-A catalyst-in -i ${CABLES} -j DROP`)
  })

  it('lets names be asked of a link-local name server, and nothing else', () => {
    const filter = linesOf(renderFirewall(names, CIDR, [], ['169.254.169.254']), 'filter')
    const mentions = filter.filter((line) => line.includes('169.254.169.254'))
    expect(mentions).toEqual(
      ['udp', 'tcp'].map((protocol) => `-A catalyst-fwd -i ${CABLES} -d 169.254.169.254/32 -p ${protocol} --dport 53 -j ACCEPT`),
    )
  })

  it('replaces every chain whole, also with nobody attached', () => {
    const text = renderFirewall(names, CIDR, [])
    for (const [table, chain] of chainsOf(names)) expect(linesOf(text, table)).toContain(`:${chain} - [0:0]`)
    expect(text.endsWith('COMMIT\n')).toBe(true)
    for (const [table, , chain] of jumpsOf(names)) expect(chainsOf(names)).toContainEqual([table, chain])
  })
})

describe('namesFor', () => {
  it('keeps within the limits of the kernel, and two namespaces apart', () => {
    const long = ['catalyst-a-very-long-namespace-1', 'catalyst-a-very-long-namespace-2'].map(namesFor)
    for (const name of [names, ...long]) {
      expect(name.cable(4094).length).toBeLessThanOrEqual(15)
      for (const chain of Object.values(name.chains)) expect(chain.length).toBeLessThanOrEqual(28)
    }
    expect(long[0]?.cablePrefix).not.toBe(long[1]?.cablePrefix)
    expect(long[0]?.chains.input).not.toBe(long[1]?.chains.input)
    expect(names.cable(2)).not.toBe(namesFor('catalyst-b').cable(2))
  })

  it('has no namespace whose prefix is part of another', () => {
    expect('catalyst-b--one'.startsWith(namesFor('catalyst').namespacePrefix)).toBe(false)
  })
})
