import { ReceiptClaims } from '@chimera/contracts/grant'

/**
 * Reads what a receipt claims, without believing it: to file it under its grant and to leave out
 * what is no news. The Judge verifies the signature. Nothing for what is no receipt.
 */
export function decodeReceipt(jws: string): ReceiptClaims | undefined {
  const [, payload, signature] = jws.split('.')
  if (payload === undefined || signature === undefined) return undefined
  try {
    const json: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
    return ReceiptClaims.safeParse(json).data
  } catch {
    return undefined
  }
}
