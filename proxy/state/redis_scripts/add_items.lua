-- ARGV: conversation, owner, then items. 1, or 0 when there is no such conversation.
if not is_conversation(ARGV[1], ARGV[2]) then
  return 0
end
append(chain_of(ARGV[1]), ARGV, 3)
settle()
return 1
