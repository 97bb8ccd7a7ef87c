-- ARGV: replica, end of the leases. Response, whether it is to be cancelled ...
local found = {}
for _, id in ipairs(call('SMEMBERS', key('runs', ARGV[1]))) do
  call('ZADD', prefix .. 'leases', ARGV[2], id)
  found[#found + 1] = id
  found[#found + 1] = tonumber(call('HGET', key('run', id), 'cancel'))
end
return found
