-- ARGV: response, replica, first, last, data. 1, or 0 when the replica does not hold the run.
local id = ARGV[1]
if call('HGET', key('run', id), 'replica') ~= ARGV[2] then
  return 0
end
if call('ZADD', key('events', id), ARGV[4], ARGV[3] .. ':' .. ARGV[4] .. ':' .. ARGV[5]) == 1 then
  call('HINCRBY', key('response', id), 'events_size', #ARGV[5])
  growth = #ARGV[5]
end
call('HSET', key('run', id), 'shown', 1)
settle()
return 1
