-- ARGV: id. The fields of a response, nil when there is none.
local fields = call('HMGET', key('response', ARGV[1]), 'owner', 'status', 'created_at', 'expires_at', 'body', 'chain',
  'depth', 'start', 'input_end', 'journal', 'background')
return fields[1] and fields
