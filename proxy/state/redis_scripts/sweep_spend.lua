-- ARGV: before, now, since when ended claims are kept, since when meters are kept, limit. How many rows were forgotten.
local limit = ARGV[5]
local ids = call('ZRANGEBYSCORE', prefix .. 'spend', '-inf', '(' .. ARGV[1], 'LIMIT', 0, limit)
if #ids > 0 then
  call('HDEL', prefix .. 'spend_rows', unpack(ids))
  call('ZREM', prefix .. 'spend', unpack(ids))
end
if #ids < tonumber(limit) then
  end_reservations(tonumber(ARGV[2]))
  for _, id in ipairs(call('ZRANGEBYSCORE', prefix .. 'ended', '-inf', '(' .. ARGV[3])) do
    let_go(id)
  end
  for _, id in ipairs(call('ZRANGEBYSCORE', prefix .. 'meters', '-inf', '(' .. ARGV[4])) do
    call('DEL', key('meter', id))
    call('ZREM', prefix .. 'meters', id)
  end
end
return #ids
