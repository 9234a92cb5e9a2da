import type { Mind } from './chat.ts'

/** Says nothing of its own: everything is put in its mouth by `say` of `POST /__control`. */
export const silent: Mind = () => ({ text: '{}' })
