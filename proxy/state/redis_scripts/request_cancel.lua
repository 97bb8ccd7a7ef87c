-- ARGV: response, owner. 1, or 0 when nobody works at it.
if call('HGET', key('run', ARGV[1]), 'owner') ~= ARGV[2] then
  return 0
end
call('HSET', key('run', ARGV[1]), 'cancel', 1)
return 1
