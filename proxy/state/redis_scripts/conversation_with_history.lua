-- ARGV: id, owner. Its fields, and its items: id, body ...; nil when there is none.
if not is_conversation(ARGV[1], ARGV[2]) then
  return false
end
local fields = conversation_fields(ARGV[1])
return {fields, history_of(ARGV[1], fields[4])}
