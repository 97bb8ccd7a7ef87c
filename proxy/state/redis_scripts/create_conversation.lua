-- ARGV: id, owner, created_at, metadata, then items.
local id, owner = ARGV[1], ARGV[2]
if call('EXISTS', key('conversation', id), key('chain', id)) > 0 then
  return 0
end
call('HSET', key('conversation', id), 'owner', owner, 'created_at', ARGV[3], 'metadata', ARGV[4])
call('HSET', key('chain', id), 'owner', owner, 'length', 0)
append({id = id, owner = owner, length = 0}, ARGV, 5)
growth = growth + #ARGV[4]
settle()
return 1
