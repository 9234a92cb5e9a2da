import { z } from 'zod'

/** What variables of the environment are, beside texts. */
export const Port = z.coerce.number().int().min(0).max(65_535)
export const Milliseconds = z.coerce.number().int().positive()
export const Url = z.string().min(1)
