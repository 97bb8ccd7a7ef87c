-- ARGV: replica.
for _, id in ipairs(call('SMEMBERS', key('runs', ARGV[1]))) do
  call('HSET', key('run', id), 'replica', '')
  call('ZADD', prefix .. 'leases', '-inf', id)
end
call('DEL', key('runs', ARGV[1]))
return 1
