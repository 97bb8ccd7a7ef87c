-- ARGV: conversation, owner, item. 1, or 0 when there is none.
local id, item = ARGV[1], ARGV[3]
if not is_conversation(id, ARGV[2]) then
  return 0
end
local position = position_in(id, ARGV[2], item)
if not position then
  return 0
end
local chain = chain_of(id)
call('ZREM', key('order', id), position .. ':' .. item)
call('HSET', key('removed', id), position, chain.length .. ':' .. item)
call('HSET', key('chain', id), 'length', chain.length + 1)
forget_place(chain, position, item)
tidy(id)
settle()
return 1
