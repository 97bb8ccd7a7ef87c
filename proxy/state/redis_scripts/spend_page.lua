-- ARGV: since, before, how many, the id that came last ("" for none). The id that comes last now, and the rows.
local spend = prefix .. 'spend'
-- Rows are forgotten from the first on: when that one is gone, so is all that came before it.
local last = call('ZRANK', spend, ARGV[4])
local first = last and last + 1 or call('ZCOUNT', spend, '-inf', '(' .. ARGV[1])
local stop = math.min(first + ARGV[3], call('ZCOUNT', spend, '-inf', '(' .. ARGV[2])) - 1
if stop < first then
  return {}
end
local ids = call('ZRANGE', spend, first, stop)
local found = call('HMGET', prefix .. 'spend_rows', unpack(ids))
table.insert(found, 1, ids[#ids])
return found
