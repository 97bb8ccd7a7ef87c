-- ARGV: id, owner. 1, or 0 when there is none.
local id = ARGV[1]
if not is_conversation(id, ARGV[2]) then
  return 0
end
growth = -call('HSTRLEN', key('conversation', id), 'metadata')
call('DEL', key('conversation', id))
tidy(id)
-- What is left is there for responses; only the items that a response brought along itself can still be found by id.
local chain = chain_of(id)
if chain then
  for _, member in ipairs(call('ZRANGE', key('order', id), 0, -1)) do
    local position, item = string.match(member, '^(%d+):(.*)$')
    if not response_at(id, tonumber(position)) then
      forget_place(chain, position, item)
    end
  end
end
settle()
return 1
