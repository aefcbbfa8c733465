import { timingSafeEqual } from 'node:crypto'
import { BlockList, isIP } from 'node:net'

/** Messages for those who bring the token, the state alone for everybody else: `details: withToken(process.env.HEALTH_TOKEN)`. */
export function withToken (token) {
  const expected = Buffer.from(`Bearer ${token}`)
  return ({ headers: { authorization = '' } }) => {
    const given = Buffer.from(authorization)
    return given.length === expected.length && timingSafeEqual(given, expected)
  }
}

/** Messages for a network: `details: fromNetwork('10.0.0.0', 8)`. Behind a proxy, set Fastify's `trustProxy`. */
export function fromNetwork (address, prefix) {
  const network = new BlockList()
  network.addSubnet(address, prefix, `ipv${isIP(address)}`)
  return ({ ip }) => network.check(ip, `ipv${isIP(ip)}`)
}
