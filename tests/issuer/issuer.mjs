// A real OIDC issuer, which signs access tokens with RS256 or EdDSA as the resource asks; its clients are extensions.
// It prints its address, and ends when its standard input does.
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import Provider from 'oidc-provider'

const key = (alg, type, options) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }),
  kid: `a key for ${alg}`,
  alg,
  use: 'sig'
})
const client = (client_id) => ({
  client_id,
  client_secret: `the secret of ${client_id}`,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: []
})

const server = createServer()
await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
const provider = new Provider(`http://127.0.0.1:${server.address().port}`, {
  jwks: { keys: [key('RS256', 'rsa', { modulusLength: 2048 }), key('EdDSA', 'ed25519')] },
  clients: [client('201'), client('999')],
  clientAuthMethods: ['client_secret_basic'],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      // urn:partyline:EdDSA is the audience `partyline` and the algorithm; urn:other:RS256 is somebody else's.
      getResourceServerInfo: (_, resource) => {
        const [, audience, alg] = resource.split(':')
        return { scope: '', audience, accessTokenFormat: 'jwt', accessTokenTTL: 300, jwt: { sign: { alg } } }
      }
    }
  }
})
server.on('request', provider.callback())
console.log(provider.issuer)
process.stdin.on('end', () => process.exit()).resume()
