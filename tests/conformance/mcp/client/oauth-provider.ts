import type {
  OAuthClientInformationContext,
  OAuthClientProvider,
  StoredOAuthClientInformation,
  StoredOAuthTokens,
} from '@modelcontextprotocol/client'

const CALLBACK = 'http://localhost:3000/callback'
/** A name that the suite knows; nothing is fetched from there. */
const METADATA_URL = 'https://conformance-test.local/client-metadata.json'

export type TestProvider = OAuthClientProvider &
  Readonly<{
    /** What the authorization server sent back with the last redirect. */
    answer: () => URLSearchParams
  }>

/**
 * An owner of the client who approves at once: the redirect is followed here instead of in a
 * browser. Keeps registrations by issuer, as the specification asks for.
 */
export function createTestProvider(registered?: StoredOAuthClientInformation): TestProvider {
  const clients = new Map<string, StoredOAuthClientInformation>()
  const tokens = new Map<string, StoredOAuthTokens>()
  let lastTokens: StoredOAuthTokens | undefined
  let verifier = ''
  let answer = new URLSearchParams()
  const issuerOf = (context?: OAuthClientInformationContext): string => context?.issuer ?? ''
  return {
    redirectUrl: CALLBACK,
    clientMetadataUrl: METADATA_URL,
    clientMetadata: {
      client_name: 'chimera',
      redirect_uris: [CALLBACK],
      grant_types: ['authorization_code', 'refresh_token'],
    },
    clientInformation: (context) => registered ?? clients.get(issuerOf(context)),
    saveClientInformation: (client, context) => void clients.set(issuerOf(context), client),
    tokens: (context) => (context === undefined ? lastTokens : tokens.get(issuerOf(context))),
    saveTokens: (fresh, context) => {
      lastTokens = fresh
      tokens.set(issuerOf(context), fresh)
    },
    redirectToAuthorization: async (url) => {
      const response = await fetch(url, { redirect: 'manual' })
      const location = response.headers.get('location')
      if (location === null) throw new Error(`No redirect came from ${url.href}.`)
      answer = new URL(location).searchParams
    },
    saveCodeVerifier: (code) => void (verifier = code),
    codeVerifier: () => verifier,
    answer: () => answer,
  }
}
