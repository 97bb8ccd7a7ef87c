-- ARGV: id, owner, metadata. The fields of the conversation, nil when there is none.
if not is_conversation(ARGV[1], ARGV[2]) then
  return false
end
growth = #ARGV[3] - call('HSTRLEN', key('conversation', ARGV[1]), 'metadata')
call('HSET', key('conversation', ARGV[1]), 'metadata', ARGV[3])
settle()
return conversation_fields(ARGV[1])
