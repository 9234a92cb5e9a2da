import { WORK_STREAMS } from '@chimera/contracts/streams'
import type { Redis } from 'ioredis'
import { z } from 'zod'

import type { Random } from '../../guarantee.ts'

/**
 * Takes out of every stream what its group has not read yet, and adds it again in another order. In
 * one script: nobody sees the stream without them. Answers how many entries were moved.
 */
const SHUFFLE = `
math.randomseed(tonumber(ARGV[1]))
local moved = 0
for _, key in ipairs(KEYS) do
  local groups = redis.call('EXISTS', key) == 1 and redis.call('XINFO', 'GROUPS', key) or {}
  if #groups == 1 then
    local read = '0-0'
    for at = 1, #groups[1], 2 do
      if groups[1][at] == 'last-delivered-id' then read = groups[1][at + 1] end
    end
    local unread = redis.call('XRANGE', key, '(' .. read, '+', 'COUNT', 500)
    for at = #unread, 2, -1 do
      local other = math.random(at)
      unread[at], unread[other] = unread[other], unread[at]
    end
    if #unread > 1 then
      for _, entry in ipairs(unread) do redis.call('XDEL', key, entry[1]) end
      for _, entry in ipairs(unread) do redis.call('XADD', key, '*', unpack(entry[2])) end
      moved = moved + #unread
    end
  end
end
return moved`

const MAX_SEED = 2 ** 31 - 1

export async function shuffleUnread(redis: Redis, random: Random): Promise<number> {
  const seed = random.integer(1, MAX_SEED)
  const moved = await redis.eval(SHUFFLE, WORK_STREAMS.length, ...WORK_STREAMS, seed)
  return z.int().parse(moved)
}
