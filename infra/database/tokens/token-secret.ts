import { randomBytes } from 'node:crypto'

import { sha256 } from '@chimera/contracts/canonical'

/** Marks a token in a log or a commit as what it is, for people and for secret scanners. */
const PREFIX = 'chimera_'

/** 256 random bits need no slow hash: there is nothing to guess. */
const SECRET_BYTES = 32

/** A fresh bearer token; it is shown once, and only its hash is kept. */
export const newTokenSecret = (): string => PREFIX + randomBytes(SECRET_BYTES).toString('base64url')

/**
 * What the record keeps of a token. Looking a token up by this hash tells a listener nothing about
 * how much of a guess was right, however long the comparison takes.
 */
export const hashToken = (secret: string): string => sha256(secret)
