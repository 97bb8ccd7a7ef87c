-- save, start_run. ARGV: id, owner, status, created_at, expires_at, body, whether there is a journal, journal,
-- background, after: chain ("" for none) and depth, conversation (""), number of items of the input, whether it is
-- still being made; where it is: replica, end of the lease, request, attempt, cancel, shown; then the items. 1, or 0
-- when what it continues is gone.
local id, owner, status, conversation = ARGV[1], ARGV[2], ARGV[3], ARGV[12]
local running = ARGV[14] == '1'
local first_item = 21
-- A chain of this id is what others still need of a response that was kept once.
if call('EXISTS', key('response', id), key('chain', id)) > 0 then
  return 1
end

local chain, after = nil, nil
if ARGV[10] ~= '' then
  after = chain_of(ARGV[10])
  local depth = tonumber(ARGV[11])
  if not after or not place_exists(after, depth) then
    return 0
  end
  local at_end = depth == after.length and not after.cut and not after.run and after.owner == owner
  if at_end and (not is_conversation_chain(after) or (not running and after.id == conversation)) then
    chain = after
  end
end
if not chain then
  chain = {id = id, owner = owner, length = 0}
  call('HSET', key('chain', id), 'owner', owner, 'length', 0)
  if after then
    call('HSET', key('chain', id), 'parent', after.id, 'parent_depth', ARGV[11])
    call('ZADD', key('forks', after.id), ARGV[11], id)
  end
end

local start = chain.length
append(chain, ARGV, first_item)
local size = #ARGV[6] + #ARGV[8]
growth = growth + size
call('HSET', key('response', id), 'owner', owner, 'status', status, 'created_at', ARGV[4], 'expires_at', ARGV[5],
  'body', ARGV[6], 'background', ARGV[9], 'chain', chain.id, 'start', start, 'input_end', start + tonumber(ARGV[13]),
  'depth', chain.length, 'size', size)
if ARGV[7] == '1' then
  call('HSET', key('response', id), 'journal', ARGV[8])
end
call('ZADD', key('responses', chain.id), chain.length, id)

if running then
  call('HSET', key('chain', chain.id), 'run', id)
  call('HSET', key('run', id), 'owner', owner, 'replica', ARGV[15], 'request', ARGV[17], 'attempt', ARGV[18],
    'cancel', ARGV[19], 'shown', ARGV[20])
  call('ZADD', prefix .. 'leases', ARGV[16], id)
  call('SADD', key('runs', ARGV[15]), id)
  growth = growth + #ARGV[17]
else
  call('ZADD', prefix .. 'created', ARGV[4], id)
  call('ZADD', prefix .. 'expiry', ARGV[5], id)
  if conversation ~= '' and conversation ~= chain.id and is_conversation(conversation, owner) then
    append(chain_of(conversation), ARGV, first_item)
  end
end
settle()
return 1
