-- ARGV: id, owner. Its fields, nil when there is none.
return is_conversation(ARGV[1], ARGV[2]) and conversation_fields(ARGV[1])
