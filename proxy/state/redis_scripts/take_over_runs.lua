-- ARGV: replica, now, end of the leases. For each run: response, owner, request, attempt, cancel, shown.
local found = {}
for _, id in ipairs(call('ZRANGEBYSCORE', prefix .. 'leases', '-inf', '(' .. ARGV[2])) do
  local run = key('run', id)
  call('SREM', key('runs', call('HGET', run, 'replica')), id)
  call('HINCRBY', run, 'attempt', 1)
  call('HSET', run, 'replica', ARGV[1])
  call('SADD', key('runs', ARGV[1]), id)
  call('ZADD', prefix .. 'leases', ARGV[3], id)
  local fields = call('HMGET', run, 'owner', 'request', 'attempt', 'cancel', 'shown')
  table.insert(fields, 1, id)
  found[#found + 1] = fields
end
return found
