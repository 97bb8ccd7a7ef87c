-- ARGV: conversation, owner, item. Its body, nil when there is none.
if not is_conversation(ARGV[1], ARGV[2]) then
  return false
end
local position = position_in(ARGV[1], ARGV[2], ARGV[3])
return position and call('HGET', key('bodies', ARGV[1]), position)
