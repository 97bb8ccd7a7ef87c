-- ARGV: conversation, owner, whether descending, limit, and the id after which to begin where there is one. Whether
-- there are more, then id, body ...; nil when there is no such conversation, 0 when there is no such item.
local id, owner, descending, limit = ARGV[1], ARGV[2], ARGV[3] == '1', tonumber(ARGV[4])
if not is_conversation(id, owner) then
  return false
end
local bound = descending and '+inf' or '-inf'
if ARGV[5] then
  local position = position_in(id, owner, ARGV[5])
  if not position then
    return 0
  end
  bound = '(' .. position
end
local members
if descending then
  members = call('ZREVRANGEBYSCORE', key('order', id), bound, '-inf', 'LIMIT', 0, limit + 1)
else
  members = call('ZRANGEBYSCORE', key('order', id), bound, '+inf', 'LIMIT', 0, limit + 1)
end
local found = {#members > limit and 1 or 0}
for index = 1, math.min(limit, #members) do
  local position, item = string.match(members[index], '^(%d+):(.*)$')
  found[#found + 1] = item
  found[#found + 1] = call('HGET', key('bodies', id), position)
end
return found
