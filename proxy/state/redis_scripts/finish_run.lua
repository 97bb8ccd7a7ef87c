-- ARGV: response, replica, status, body, expires_at, whether there is a journal, journal, conversation (""), whether to
-- keep the events; then the items of the output. 1, also when the replica ended it so before; 0 when it does not hold
-- the run.
local id, replica, conversation = ARGV[1], ARGV[2], ARGV[8]
local run = call('HMGET', key('run', id), 'replica', 'request')
if run[1] ~= replica then
  local ended = call('HMGET', key('response', id), 'ended_by', 'status')
  return ended[1] == replica and ended[2] == ARGV[3] and 1 or 0
end
local response = key('response', id)
local fields = call('HMGET', response, 'owner', 'created_at', 'chain', 'start', 'size', 'events_size')
local owner, chain = fields[1], chain_of(fields[3])
local input_end = chain.length
append(chain, ARGV, 10)
call('HDEL', key('chain', chain.id), 'run')
call('ZADD', key('responses', chain.id), chain.length, id)

local size = #ARGV[4] + #ARGV[7]
growth = growth + size - tonumber(fields[5]) - #run[2]
call('HSET', response, 'status', ARGV[3], 'body', ARGV[4], 'expires_at', ARGV[5], 'depth', chain.length, 'size', size,
  'ended_by', replica)
if ARGV[6] == '1' then
  call('HSET', response, 'journal', ARGV[7])
else
  call('HDEL', response, 'journal')
end
if ARGV[9] ~= '1' then
  growth = growth - tonumber(fields[6] or 0)
  call('HDEL', response, 'events_size')
  call('DEL', key('events', id))
end
call('DEL', key('run', id))
call('ZREM', prefix .. 'leases', id)
call('SREM', key('runs', replica), id)
call('ZADD', prefix .. 'created', fields[2], id)
call('ZADD', prefix .. 'expiry', ARGV[5], id)

if conversation ~= '' and is_conversation(conversation, owner) then
  local input = {}
  collect(chain.id, tonumber(fields[4]), input_end, input_end, input)
  append(chain_of(conversation), input, 1)
  append(chain_of(conversation), ARGV, 10)
end
settle()
return 1
